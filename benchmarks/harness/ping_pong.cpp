#include "ping_pong.hpp"

#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <stdexcept>
#include <vector>

namespace fastio::bench {
namespace {

void futex_wait(const std::uint32_t* word, std::uint32_t seen) noexcept {
    ::syscall(SYS_futex, word, FUTEX_WAIT, seen, nullptr, nullptr, 0);
}
void futex_wake(const std::uint32_t* word) noexcept {
    ::syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}
void wait_until(const std::uint32_t* word, std::uint32_t value) noexcept {
    for (std::uint32_t now = 0; (now = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != value;) {
        futex_wait(word, now);
    }
}
void post(std::uint32_t* word, std::uint32_t value) noexcept {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    futex_wake(word);
}
constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kAnswer = 32;  // words apart: a cache line of its own

std::uint32_t* map_words(int file) {
    void* address = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (address == MAP_FAILED) {
        throw std::runtime_error("mmap of the futex page failed");
    }
    return static_cast<std::uint32_t*>(address);
}

}  // namespace

SocketPingPong::SocketPingPong(std::size_t message_bytes) : bytes_(message_bytes) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::runtime_error("socketpair failed");
    }
    socket_ = ends[0];
    process_ =
        std::make_unique<Process>(std::vector<std::string>{self(), "--role", "socket-echo", "--fd",
                                                           std::to_string(ends[1]), "--bytes", std::to_string(bytes_)},
                                  std::span<const int>(&ends[1], 1));
    ::close(ends[1]);
}

SocketPingPong::~SocketPingPong() {
    ::close(socket_);
}

void SocketPingPong::round() noexcept {
    std::array<std::byte, 4096> message{};
    (void)!::send(socket_, message.data(), bytes_, MSG_NOSIGNAL);
    (void)!::recv(socket_, message.data(), message.size(), 0);
}

int run_socket_echo(int socket, std::size_t bytes) {
    std::array<std::byte, 4096> message{};
    while (::recv(socket, message.data(), message.size(), 0) > 0) {
        if (::send(socket, message.data(), bytes, MSG_NOSIGNAL) < 0) {
            break;
        }
    }
    return 0;
}

FutexPingPong::FutexPingPong() {
    file_ = ::memfd_create("fastio-bench", MFD_CLOEXEC);
    if (file_ < 0 || ::ftruncate(file_, kPageBytes) != 0) {
        throw std::runtime_error("memfd_create failed");
    }
    words_ = map_words(file_);
    process_ = std::make_unique<Process>(
        std::vector<std::string>{self(), "--role", "futex-echo", "--fd", std::to_string(file_)},
        std::span<const int>(&file_, 1));
}

FutexPingPong::~FutexPingPong() {
    ::munmap(words_, kPageBytes);
    ::close(file_);
}

void FutexPingPong::round() noexcept {
    ++turn_;
    post(words_, turn_);
    wait_until(words_ + kAnswer, turn_);
}

int run_futex_echo(int file) {
    std::uint32_t* words = map_words(file);
    for (std::uint32_t turn = 1;; ++turn) {
        wait_until(words, turn);
        post(words + kAnswer, turn);
    }
}

}  // namespace fastio::bench
