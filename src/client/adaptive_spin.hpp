#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

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

/// Whether a thread polls for a moment before it sleeps: the service computes for a few microseconds, and where a
/// processor that went to sleep takes longer than that to wake, a thread does better to keep its own awake (decision
/// 17). It polls once calls that slept were slow. Where what it polls for does not come in time, or somebody else
/// wanted the processor meanwhile, the next calls sleep at once.
///
/// *Thread safety:* one thread at a time.
template <class Clock = SpinClock>
class AdaptiveSpin {
public:
    /// About what it takes to wake this thread: as in ski rental, a call costs at most twice what the better of both
    /// would have.
    static constexpr std::chrono::microseconds kLongest{70};
    /// What a call takes that polls. Where sleeping takes no longer, on one core or on a fast machine, it is better.
    static constexpr std::chrono::microseconds kSlow{20};
    static constexpr int kSlowCallsBefore = 4;  ///< one after the other; not one that happened to be slow
    static constexpr int kSleepsAfterATimeout = 16;
    static constexpr int kSleepsAfterAPreemption = 32;

    /// Calls `is_ready` until it is true, or `sleep`, which waits for that, or first the one and then the other.
    template <class IsReady, class Sleep>
    void wait(const IsReady& is_ready, const Sleep& sleep) {
        if (slow_calls_ < kSlowCallsBefore || sleeps_ > 0) {
            sleeps_ = std::max(sleeps_ - 1, 0);
            const auto start = Clock::now();
            sleep();
            slow_calls_ = Clock::now() - start > kSlow ? std::min(slow_calls_ + 1, kSlowCallsBefore) : 0;
        } else if (!poll(is_ready)) {
            sleep();
        }
    }

private:
    template <class IsReady>
    [[nodiscard]] bool poll(const IsReady& is_ready) {
        const long preemptions = Clock::preemptions();
        const auto end = Clock::now() + kLongest;
        bool ready = is_ready();
        while (!ready && Clock::now() < end) {
            ready = is_ready();
        }
        if (Clock::preemptions() != preemptions) {
            sleeps_ = kSleepsAfterAPreemption;
        } else if (!ready) {
            sleeps_ = kSleepsAfterATimeout;
        }
        return ready;
    }

    int slow_calls_ = 0;  // one after the other, up to kSlowCallsBefore
    int sleeps_ = 0;      // calls that are to sleep at once
};

}  // namespace fastio::detail
