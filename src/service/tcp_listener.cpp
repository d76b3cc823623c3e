#include "service/tcp_listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>

#include "core/fail.hpp"

namespace fastio::service {
namespace {

constexpr int kBacklog = 128;

union Address {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

std::optional<Address> parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string host{text.substr(0, colon)};
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    Address address;
    std::memset(&address, 0, sizeof(address));
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(port);
        return ::inet_pton(AF_INET6, host.c_str(), &address.v6.sin6_addr) == 1 ? std::optional(address) : std::nullopt;
    }
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    return ::inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr) == 1 ? std::optional(address) : std::nullopt;
}

std::string text_of(const Address& address) {
    std::array<char, INET6_ADDRSTRLEN> host{};
    if (address.any.sa_family == AF_INET6) {
        ::inet_ntop(AF_INET6, &address.v6.sin6_addr, host.data(), host.size());
        return fmt::format("[{}]:{}", host.data(), ntohs(address.v6.sin6_port));
    }
    ::inet_ntop(AF_INET, &address.v4.sin_addr, host.data(), host.size());
    return fmt::format("{}:{}", host.data(), ntohs(address.v4.sin_port));
}

[[noreturn]] void fail_listening(std::string_view address, int error) {
    switch (error) {
        case EADDRINUSE:
            fail(Errc::already_exists,
                 "could not listen at {}: another program has this port ({}); give another port, or 0 for any free one",
                 address, error);
        case EADDRNOTAVAIL:
        case EAFNOSUPPORT:
            fail(Errc::io_error, "could not listen at {}: this machine has no such address ({}); 127.0.0.1 is its own",
                 address, error);
        case EACCES:
        case EPERM:
            fail(Errc::permission_denied, "could not listen at {}: {} ({}); ports from 1024 on need no privilege",
                 address, std::strerror(error), error);
        default:
            fail(Errc::io_error, "could not listen at {}: {} ({})", address, std::strerror(error), error);
    }
}

}  // namespace

TcpListener::TcpListener(std::string_view text) {
    std::optional<Address> address = parse(text);
    if (!address) {
        fail(Errc::invalid_argument,
             "'{}' is no address to listen at: give numbers as in 127.0.0.1:9464 or [::1]:9464, with a port up to "
             "65535, or 0 for any free one",
             text);
    }
    socklen_t bytes = address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
    socket_ = Descriptor{::socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    // Else the connections of a service that has just ended would keep the port from the next.
    const int on = 1;
    if (!socket_ || ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        ::bind(socket_.get(), &address->any, bytes) != 0 || ::listen(socket_.get(), kBacklog) != 0 ||
        ::getsockname(socket_.get(), &address->any, &bytes) != 0) {
        fail_listening(text, errno);
    }
    address_ = text_of(*address);
}

Descriptor TcpListener::accept() noexcept {
    constexpr int kFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;
    Descriptor connection{::accept4(socket_.get(), nullptr, nullptr, kFlags)};
    if (!connection && (errno == EMFILE || errno == ENFILE)) {
        spare_.lend([this] { const Descriptor refused{::accept4(socket_.get(), nullptr, nullptr, kFlags)}; });
    }
    return connection;
}

}  // namespace fastio::service
