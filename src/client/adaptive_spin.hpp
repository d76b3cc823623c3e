#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdint>

namespace fastio::detail {

/// Time, and how often this thread has lost its processor to another one.
struct SpinClock {
    using TimePoint = std::chrono::steady_clock::time_point;
    [[nodiscard]] static TimePoint now() noexcept { return std::chrono::steady_clock::now(); }
    [[nodiscard]] static long preemptions() noexcept {
        rusage usage{};
        ::getrusage(RUSAGE_THREAD, &usage);
        return usage.ru_nivcsw;
    }
};

/// Polls for a moment before a thread goes to sleep: the service computes for a few microseconds, and to wake a thread
/// whose processor went to sleep takes longer than that (decision 17). Where it does not come in time, or somebody else
/// wanted the processor meanwhile, it does without for some calls.
///
/// *Thread safety:* one thread at a time.
template <class Clock = SpinClock>
class AdaptiveSpin {
public:
    /// About what it takes to wake the service: ski rental, at most twice the cost of having slept at once.
    static constexpr std::chrono::microseconds kLongest{70};
    static constexpr int kCallsWithoutAfterATimeout = 16;
    static constexpr int kCallsWithoutAfterAPreemption = 32;

    /// Calls `is_ready` until it is true, or as long as that is worth it. Gives what it returned last; false where it
    /// was not called.
    template <class IsReady>
    [[nodiscard]] bool wait(const IsReady& is_ready) {
        if (calls_without_ > 0) {
            --calls_without_;
            return false;
        }
        const long preemptions = Clock::preemptions();
        const auto end = Clock::now() + kLongest;
        bool ready = is_ready();
        while (!ready && Clock::now() < end) {
            ready = is_ready();
        }
        if (Clock::preemptions() != preemptions) {
            calls_without_ = kCallsWithoutAfterAPreemption;
        } else if (!ready) {
            calls_without_ = kCallsWithoutAfterATimeout;
        }
        return ready;
    }

private:
    int calls_without_ = 0;
};

}  // namespace fastio::detail
