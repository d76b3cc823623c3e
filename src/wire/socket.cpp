#include "wire/socket.hpp"
#include "device/process_limits.hpp"
#include "wire/socket_path.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cassert>
#include <cerrno>

namespace fastio::wire {
namespace {

#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04  // Linux 6.5
#endif

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83  // Linux 6.16
#endif

constexpr std::size_t kSentControlBytes = CMSG_SPACE(kMaxDescriptors * sizeof(int));
// Besides descriptors, what the kernel adds to each packet where whoever made the socket asked for it: SO_PASSCRED,
// SO_PASSPIDFD, SO_PASSSEC, SO_TIMESTAMP and its kin.
constexpr std::size_t kLabelBytes = 256;
constexpr std::size_t kTimestampBytes = 128;
constexpr std::size_t kReceivedControlBytes = CMSG_SPACE(kMostReceived * sizeof(int)) + CMSG_SPACE(sizeof(ucred)) +
                                              CMSG_SPACE(sizeof(int)) + CMSG_SPACE(kLabelBytes) + kTimestampBytes;

void wait_until(int fd, short events) noexcept {
    pollfd entry{fd, events, 0};
    ::poll(&entry, 1, -1);  // whatever it says, the caller tries again
}

void put(Packet& packet, Descriptor descriptor) noexcept {
    if (packet.descriptor_count < packet.descriptors.size()) {
        packet.descriptors[packet.descriptor_count++] = std::move(descriptor);
    } else if (packet.surplus_count < packet.surplus.size()) {
        packet.surplus[packet.surplus_count++] = std::move(descriptor);
    }
}

void take_descriptors(msghdr& header, Packet& packet) noexcept {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || (part->cmsg_type != SCM_RIGHTS && part->cmsg_type != SCM_PIDFD)) {
            continue;
        }
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
            Descriptor descriptor{fd};  // a pidfd was not sent, and is of no use: closed here
            if (part->cmsg_type == SCM_RIGHTS) {
                put(packet, std::move(descriptor));
            }
        }
    }
}

void clear(Packet& packet) noexcept {
    for (std::size_t i = 0; i < packet.descriptors.size(); ++i) {
        packet.descriptors[i].reset();
    }
    for (std::size_t i = 0; i < packet.surplus_count; ++i) {
        packet.surplus[i].reset();
    }
    packet.bytes = 0;
    packet.descriptor_count = 0;
    packet.surplus_count = 0;
    packet.truncated = false;
}

[[noreturn]] void fail_connect(const std::string& path, int error) {
    switch (error) {
        case EACCES:
        case EPERM:
            fail(Errc::permission_denied,
                 "could not connect to '{}': {} ({}); the service belongs to another user: ask for its --group, or "
                 "start one of your own",
                 path, std::strerror(error), error);
        case ECONNREFUSED:
            fail(Errc::service_unreachable,
                 "could not connect to '{}': nobody listens there ({}); start fastiod, or check $FASTIO_SOCKET{}", path,
                 error, remedy_for_closed_system(path, PathEnvironment::of_process()));
        case EAGAIN:
            fail(Errc::service_unreachable,
                 "could not connect to '{}': as many clients wait there as may ({}); the service is stopped or very "
                 "busy, try again",
                 path, error);
        default:
            fail(Errc::service_unreachable,
                 "could not connect to '{}': {} ({}); start fastiod, or check $FASTIO_SOCKET{}", path,
                 std::strerror(error), error, remedy_for_closed_system(path, PathEnvironment::of_process()));
    }
}

}  // namespace

Socket Socket::connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path) || path.find('\0') != std::string::npos) {
        fail(Errc::invalid_argument,
             "could not connect to the socket '{}': its path has {} bytes, and it must have 1 to {} without NUL", path,
             path.size(), sizeof(address.sun_path) - 1);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    // Non-blocking: a blocking connect waits without bound where a stopped service's queue is full.
    Descriptor descriptor{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!descriptor) {
        const int error = errno;
        fail(Errc::io_error, "could not make a socket to connect to '{}': {} ({}){}", path, std::strerror(error), error,
             remedy_for_descriptors(error));
    }
    int result = 0;
    do {
        result = ::connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        fail_connect(path, errno);
    }
    ::fcntl(descriptor.get(), F_SETFL, ::fcntl(descriptor.get(), F_GETFL) & ~O_NONBLOCK);
    return Socket{std::move(descriptor)};
}

std::pair<Socket, Socket> Socket::pair() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        const int error = errno;
        fail(Errc::io_error, "could not make a pair of sockets: {} ({}){}", std::strerror(error), error,
             remedy_for_descriptors(error));
    }
    return {Socket{Descriptor{ends[0]}}, Socket{Descriptor{ends[1]}}};
}

SendResult Socket::send_bytes(std::span<const std::byte> bytes, std::span<const int> descriptors,
                              bool blocking) noexcept {
    assert(descriptors.size() <= kMaxDescriptors);
    if (descriptors.size() > kMaxDescriptors) {
        return SendResult::closed;
    }
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<std::byte, kSentControlBytes> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!descriptors.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    }
    for (;;) {
        if (::sendmsg(fd(), &header, MSG_NOSIGNAL | (blocking ? 0 : MSG_DONTWAIT)) >= 0) {
            return SendResult::sent;
        }
        switch (errno) {
            case EINTR:
                continue;
            case EAGAIN:
                if (!blocking) {
                    return SendResult::would_block;
                }
                wait_until(fd(), POLLOUT);  // the socket itself was set non-blocking
                continue;
            case ENOBUFS:
            case ENOMEM:
            case ETOOMANYREFS:  // this user has too many descriptors in flight; only others' reads help
                return SendResult::would_block;
            default:
                return SendResult::closed;
        }
    }
}

ReceiveResult Socket::receive(Packet& packet, bool blocking) noexcept {
    clear(packet);
    iovec part{packet.data.data(), packet.data.size()};
    alignas(cmsghdr) std::array<std::byte, kReceivedControlBytes> control;
    bool was_reset = false;
    for (;;) {
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        const ssize_t got = ::recvmsg(fd(), &header, MSG_CMSG_CLOEXEC | (blocking ? 0 : MSG_DONTWAIT));
        if (got >= 0) {
            take_descriptors(header, packet);
            if (got == 0) {  // the end, or an empty packet, which nobody of ours sends
                return ReceiveResult::closed;
            }
            packet.bytes = static_cast<std::size_t>(got);
            packet.truncated = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || packet.surplus_count > 0;
            return ReceiveResult::received;
        }
        switch (errno) {
            case EINTR:
                continue;
            case EAGAIN:
                if (!blocking) {
                    return ReceiveResult::would_block;
                }
                wait_until(fd(), POLLIN);
                continue;
            case ECONNRESET:
                // The peer closed before it read all that we sent. The kernel says so once and first; what the peer had
                // sent, often the reason why it closed, can still be read.
                if (was_reset) {
                    return ReceiveResult::closed;
                }
                was_reset = true;
                continue;
            default:
                return ReceiveResult::closed;
        }
    }
}

bool Socket::discard(Packet& packet) noexcept {
    clear(packet);
    // With it every packet, also an empty one, has a control message, and the end has none.
    const int on = 1;
    if (::setsockopt(fd(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) {
        return false;
    }
    alignas(cmsghdr) std::array<std::byte, kReceivedControlBytes> control;
    msghdr header{};
    ssize_t got = 0;
    do {
        header = {};
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        got = ::recvmsg(fd(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));  // a reset is told once
    if (got < 0 || CMSG_FIRSTHDR(&header) == nullptr) {
        return false;
    }
    take_descriptors(header, packet);
    return true;
}

void Socket::shutdown() noexcept {
    ::shutdown(fd(), SHUT_RDWR);
}

void Socket::set_non_blocking() {
    const int flags = ::fcntl(fd(), F_GETFL);
    if (flags < 0 || ::fcntl(fd(), F_SETFL, flags | O_NONBLOCK) != 0) {
        const int error = errno;
        fail(Errc::io_error, "could not make socket {} non-blocking: {} ({})", fd(), std::strerror(error), error);
    }
}

bool refuse_descriptors(int socket) noexcept {
    const int off = 0;
    return ::setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) == 0;
}

}  // namespace fastio::wire
