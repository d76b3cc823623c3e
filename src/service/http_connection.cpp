#include "service/http_connection.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace fastio::service {
namespace {

/// What a client may send behind its request before it is hung up on.
constexpr std::size_t kMostIgnoredBytes = 65'536;

bool try_later(int error) noexcept {
    return error == EAGAIN || error == EINTR;
}

}  // namespace

HttpConnection::Next HttpConnection::step(const Answer& answer) {
    switch (stage_) {
        case Stage::reading:
            return read(answer);
        case Stage::writing:
            return write();
        case Stage::leaving:
            break;
    }
    return leave();
}

HttpConnection::Next HttpConnection::read(const Answer& answer) {
    const std::size_t before = received_.size();
    received_.resize(http::kMostHeadBytes);
    const ssize_t got = ::recv(fd(), received_.data() + before, received_.size() - before, MSG_DONTWAIT);
    const int error = errno;
    received_.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got <= 0) {
        return got < 0 && try_later(error) ? Next::read : Next::end;
    }
    const http::Head head = http::parse_head(received_);
    if (head.state == http::Head::State::incomplete) {
        return Next::read;
    }
    response_ = answer(head);
    received_ = {};
    stage_ = Stage::writing;
    return write();
}

HttpConnection::Next HttpConnection::write() noexcept {
    const ssize_t sent = ::send(fd(), response_.data() + sent_, response_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        return try_later(errno) ? Next::write : Next::end;
    }
    sent_ += static_cast<std::size_t>(sent);
    if (sent_ < response_.size()) {
        return Next::write;
    }
    // Closing at once would destroy the response on its way where the client has sent more than was read (RFC 9112,
    // 9.6): only this side ends, and the client is given the time to read and to close.
    ::shutdown(fd(), SHUT_WR);
    stage_ = Stage::leaving;
    return Next::read;
}

HttpConnection::Next HttpConnection::leave() noexcept {
    // Without a buffer: TCP discards what it is asked to truncate.
    const ssize_t got = ::recv(fd(), nullptr, kMostIgnoredBytes, MSG_DONTWAIT | MSG_TRUNC);
    if (got <= 0) {
        return got < 0 && try_later(errno) ? Next::read : Next::end;
    }
    ignored_ += static_cast<std::size_t>(got);
    return ignored_ < kMostIgnoredBytes ? Next::read : Next::end;
}

}  // namespace fastio::service
