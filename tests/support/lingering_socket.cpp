#include "support/lingering_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

namespace fastio::test {
namespace {

[[noreturn]] void fail_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

LingeringSocket make_lingering_socket() {
    const Descriptor listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener.get(), generic, bytes) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), generic, &bytes) != 0) {
        fail_errno("listen on the loopback");
    }
    LingeringSocket made;
    made.lingering = Descriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(made.lingering.get(), generic, bytes) != 0) {
        fail_errno("connect over the loopback");
    }
    made.peer = Descriptor{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    const std::array<std::byte, 1 << 16> unread{};
    while (::send(made.lingering.get(), unread.data(), unread.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    const linger hour{1, 3600};
    if (::setsockopt(made.lingering.get(), SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)) != 0) {
        fail_errno("make a socket linger");
    }
    return made;
}

}  // namespace fastio::test
