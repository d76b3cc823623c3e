#include "client/deadline.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace fastio::detail {

using Clock = std::chrono::steady_clock;

Clock::time_point deadline_after(std::chrono::nanoseconds timeout) noexcept {
    const Clock::time_point now = Clock::now();
    const auto wait = std::max(timeout, std::chrono::nanoseconds::zero());
    return wait > Clock::time_point::max() - now ? Clock::time_point::max() : now + wait;
}

bool wait_readable(int fd, Clock::time_point deadline) noexcept {
    return wait_until(fd, POLLIN, deadline);
}

bool wait_until(int fd, short events, Clock::time_point deadline) noexcept {
    pollfd entry{fd, events, 0};
    for (;;) {
        timespec rest{};
        const bool bounded = deadline != Clock::time_point::max();
        if (bounded) {
            const auto left = std::max(deadline - Clock::now(), Clock::duration::zero());
            const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
            rest.tv_sec = seconds.count();
            rest.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
        }
        const int ready = ::ppoll(&entry, 1, bounded ? &rest : nullptr, nullptr);
        if (ready > 0) {
            return true;
        }
        if (ready == 0 || errno != EINTR) {
            return ready != 0;  // after an error the caller's read says what is wrong
        }
    }
}

}  // namespace fastio::detail
