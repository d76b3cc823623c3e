#include "service/service_manager.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "core/fail.hpp"
#include "core/utf8.hpp"
#include "device/descriptor.hpp"

namespace fastio::service {

void tell_service_manager(std::string_view state) {
    const char* const variable = std::getenv("NOTIFY_SOCKET");
    if (variable == nullptr || *variable == '\0') {
        return;
    }
    const std::string_view name = variable;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if ((name[0] != '/' && name[0] != '@') || name.size() >= sizeof(address.sun_path)) {
        fail(Errc::invalid_argument,
             "the service manager cannot be told '{}': $NOTIFY_SOCKET is '{}', and must be a path from / on, or a name "
             "after @, of at most {} bytes",
             printable(state), printable(name), sizeof(address.sun_path) - 1);
    }
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    const Descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!socket) {
        const int error = errno;
        fail(Errc::io_error, "could not make a socket to tell the service manager '{}': {} ({})", printable(state),
             std::strerror(error), error);
    }
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    const auto address_bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ssize_t sent = -1;
    do {
        sent = ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                        reinterpret_cast<const sockaddr*>(&address), address_bytes);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        const int error = errno;
        fail(Errc::io_error, "the service manager at '{}' ($NOTIFY_SOCKET) could not be told '{}': {} ({})",
             printable(name), printable(state), std::strerror(error), error);
    }
}

}  // namespace fastio::service
