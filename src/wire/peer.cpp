#include <sys/socket.h>

#include <cerrno>

#include "device/process_limits.hpp"
#include "wire/process.hpp"
#include "wire/socket.hpp"

// Linux 6.5; Debian 12's headers do not have it.
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace fastio::wire {

PeerCredentials peer_credentials(int socket) {
    ucred credentials{};
    socklen_t bytes = sizeof(credentials);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) {
        const int error = errno;
        fail(Errc::io_error, "could not read who is at the other end of socket {}: {} ({})", socket,
             std::strerror(error), error);
    }
    return {credentials.pid, credentials.uid, credentials.gid};
}

Descriptor peer_pidfd(int socket) {
    int fd = -1;
    socklen_t bytes = sizeof(fd);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &bytes) == 0) {
        return Descriptor{fd};
    }
    // Kernels before 6.5 do not know the option; some later ones say EINVAL for a peer that is gone, which open_pidfd
    // finds out as well.
    if (errno == ENOPROTOOPT || errno == EINVAL) {
        return open_pidfd(peer_credentials(socket).pid);
    }
    const int error = errno;
    fail(Errc::io_error, "could not get a pidfd of the peer of socket {}: {} ({}){}", socket, std::strerror(error),
         error, remedy_for_descriptors(error));
}

}  // namespace fastio::wire
