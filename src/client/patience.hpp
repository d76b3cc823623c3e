#pragma once

#include <chrono>
#include <mutex>

#include <fastio/context.hpp>

namespace fastio::detail {

/// How long the calls of one connection wait for its service.
struct PatienceLimits {
    std::chrono::nanoseconds timeout = forever;  ///< of one request
    bool (*give_up)() noexcept = nullptr;        ///< as ContextOptions::give_up

    [[nodiscard]] bool any() const noexcept { return timeout != forever || give_up != nullptr; }
};

/// The patience of one request.
class Patience {
public:
    /// How often give_up is asked, and how long the service is waited for after it said so.
    static constexpr std::chrono::milliseconds kInterval{100};
    static constexpr std::chrono::seconds kGrace{2};

    explicit Patience(const PatienceLimits& limits) noexcept;

    /// Takes the mutex. False: the patience is over. The time that it takes is not the service's: the timeout is that
    /// of whoever has the mutex.
    [[nodiscard]] bool lock(std::unique_lock<std::timed_mutex>& mutex);
    /// The timeout counts from here on.
    void begin() noexcept;
    [[nodiscard]] bool is_limited() const noexcept { return limited_; }
    /// Waits until `fd` is ready for one of `events`, or at its end. False: the patience is over.
    [[nodiscard]] bool wait(int fd, short events) noexcept;
    /// A nearer end than the limits'.
    void end_at(std::chrono::steady_clock::time_point deadline) noexcept;

private:
    using Clock = std::chrono::steady_clock;

    /// Asks give_up when it is time to.
    [[nodiscard]] bool goes_on() noexcept;

    bool limited_;
    std::chrono::nanoseconds timeout_;
    bool (*give_up_)() noexcept;
    Clock::time_point deadline_ = Clock::time_point::max();
    Clock::time_point ask_at_ = Clock::time_point::max();
};

}  // namespace fastio::detail
