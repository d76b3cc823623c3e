#include "service/poller.hpp"

#include <cerrno>
#include <cstring>

#include "core/fail.hpp"

namespace fastio::service {

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) {
        const int error = errno;
        fail(Errc::io_error, "could not make an epoll descriptor: {} ({})", std::strerror(error), error);
    }
}

void Poller::add(int fd, std::uint32_t events, Token token) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = token.pack();
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        const int error = errno;
        fail(Errc::io_error, "could not watch descriptor {}: {} ({})", fd, std::strerror(error), error);
    }
}

void Poller::modify(int fd, std::uint32_t events, Token token) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.u64 = token.pack();
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);  // only fails for what was not added
}

void Poller::remove(int fd) noexcept {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

std::span<const epoll_event> Poller::wait(bool soon) noexcept {
    constexpr int kSoonMs = 10;
    const int count = ::epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), soon ? kSoonMs : -1);
    return {ready_.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

}  // namespace fastio::service
