#include "service/timers.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "core/fail.hpp"

namespace fastio::service {

Timers::Timers() : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (!timer_) {
        const int error = errno;
        fail(Errc::io_error, "could not make a timer: {} ({})", std::strerror(error), error);
    }
}

Timers::Handle Timers::add_at(std::chrono::steady_clock::time_point when, Due due) {
    const Handle handle = waiting_.emplace(when, due);
    arm();
    return handle;
}

void Timers::cancel(Handle handle) noexcept {
    waiting_.erase(handle);
    arm();
}

Timers::Handle Timers::move(Handle handle, std::chrono::steady_clock::time_point when) noexcept {
    auto moved = waiting_.extract(handle);
    moved.key() = when;
    const Handle there = waiting_.insert(std::move(moved));
    arm();
    return there;
}

std::vector<Timers::Due> Timers::take_due() {
    const auto end = waiting_.upper_bound(std::chrono::steady_clock::now());
    std::vector<Due> due;
    due.reserve(static_cast<std::size_t>(std::distance(waiting_.begin(), end)));
    // Only now: where there was no memory for it, the descriptor is still ready.
    std::uint64_t expirations = 0;
    [[maybe_unused]] const ssize_t got = ::read(timer_.get(), &expirations, sizeof(expirations));
    for (auto at = waiting_.begin(); at != end; ++at) {
        due.push_back(at->second);
    }
    waiting_.erase(waiting_.begin(), end);
    arm();
    return due;
}

void Timers::arm() noexcept {
    itimerspec when{};  // all zero disarms
    if (!waiting_.empty()) {
        // steady_clock is CLOCK_MONOTONIC. A moment of 0 would disarm, so the earliest is 1 ns.
        const auto since_boot = waiting_.begin()->first.time_since_epoch();
        const auto nanoseconds = std::max<std::int64_t>(1, std::chrono::nanoseconds(since_boot).count());
        when.it_value.tv_sec = nanoseconds / 1'000'000'000;
        when.it_value.tv_nsec = nanoseconds % 1'000'000'000;
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace fastio::service
