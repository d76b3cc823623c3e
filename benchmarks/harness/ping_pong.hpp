#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "processes.hpp"
#include "report.hpp"

namespace fastio::bench {

/// A process that sends every SEQPACKET message straight back: what a request cannot be faster than.
class SocketPingPong {
public:
    explicit SocketPingPong(std::size_t message_bytes);
    ~SocketPingPong();
    SocketPingPong(const SocketPingPong&) = delete;
    SocketPingPong& operator=(const SocketPingPong&) = delete;
    void round() noexcept;  ///< there and back
    [[nodiscard]] pid_t pid() const noexcept { return process_->pid(); }

private:
    std::size_t bytes_;
    int socket_ = -1;
    std::unique_ptr<Process> process_;
};

/// A process that answers one futex word with another.
class FutexPingPong {
public:
    FutexPingPong();
    ~FutexPingPong();
    FutexPingPong(const FutexPingPong&) = delete;
    FutexPingPong& operator=(const FutexPingPong&) = delete;
    void round() noexcept;
    [[nodiscard]] pid_t pid() const noexcept { return process_->pid(); }

private:
    int file_ = -1;
    std::uint32_t* words_ = nullptr;
    std::uint32_t turn_ = 0;
    std::unique_ptr<Process> process_;
};

/// The other side's main loops; they end when their parent does.
int run_socket_echo(int socket, std::size_t bytes);
int run_futex_echo(int file);

}  // namespace fastio::bench
