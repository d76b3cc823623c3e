#include "peer.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace fastio::gpu_bench {
namespace {

constexpr timeval kSilence{.tv_sec = 30, .tv_usec = 0};

}  // namespace

Line::Line(int socket) noexcept : socket_(socket) {
    ::fcntl(socket_, F_SETFD, FD_CLOEXEC);
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &kSilence, sizeof(kSilence));
}

Line::~Line() {
    ::close(socket_);
}

void Line::say(const Message& message) {
    if (::send(socket_, &message, sizeof(message), MSG_NOSIGNAL) != sizeof(message)) {
        throw std::runtime_error("the other process has ended");
    }
}

Message Line::hear() {
    Message message;
    const ssize_t got = ::recv(socket_, &message, sizeof(message), 0);
    if (got != sizeof(message)) {
        throw std::runtime_error(got == 0 ? "the other process has ended" : "the other process says nothing");
    }
    return message;
}

Peer::Peer(const std::string& role, const std::string& socket) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::runtime_error("socketpair failed");
    }
    line_ = std::make_unique<Line>(ends[0]);
    process_ = std::make_unique<bench::Process>(
        std::vector<std::string>{bench::self(), "--role", role, "--fd", std::to_string(ends[1]), "--socket", socket},
        std::span<const int>(&ends[1], 1));
    ::close(ends[1]);
}

}  // namespace fastio::gpu_bench
