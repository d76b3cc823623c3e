#include "client/patience.hpp"

#include <algorithm>

#include "client/deadline.hpp"

namespace fastio::detail {

Patience::Patience(const PatienceLimits& limits) noexcept
    : limited_(limits.any()), timeout_(limits.timeout), give_up_(limits.give_up) {
    if (give_up_ != nullptr) {
        ask_at_ = Clock::now() + kInterval;
    }
}

void Patience::begin() noexcept {
    if (timeout_ != forever) {
        deadline_ = std::min(deadline_, deadline_after(timeout_));
    }
}

void Patience::end_at(Clock::time_point deadline) noexcept {
    limited_ = true;
    deadline_ = std::min(deadline_, deadline);
}

bool Patience::goes_on() noexcept {
    const Clock::time_point now = Clock::now();
    if (now >= ask_at_) {
        ask_at_ = now + kInterval;
        if (give_up_()) {
            give_up_ = nullptr;
            ask_at_ = Clock::time_point::max();
            deadline_ = std::min(deadline_, now + kGrace);
        }
    }
    return now < deadline_;
}

bool Patience::wait(int fd, short events) noexcept {
    do {
        if (wait_until(fd, events, std::min(deadline_, ask_at_))) {
            return true;
        }
    } while (goes_on());
    return false;
}

bool Patience::lock(std::unique_lock<std::timed_mutex>& mutex) {
    if (mutex.try_lock()) {
        return true;
    }
    if (!limited_) {
        mutex.lock();
        return true;
    }
    do {
        if (mutex.try_lock_until(std::min(deadline_, ask_at_))) {
            return true;
        }
    } while (goes_on());
    return false;
}

}  // namespace fastio::detail
