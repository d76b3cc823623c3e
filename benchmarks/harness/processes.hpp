#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fastio::bench {

/// A child running this program in another role, or another program; killed and reaped at the end, and killed by the
/// kernel if the thread that started it ends first.
class Process {
public:
    Process(const std::vector<std::string>& command, std::span<const int> inherited);
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    ~Process();
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    pid_t pid_ = -1;
};

/// This program's own path, for roles.
[[nodiscard]] std::string self();

/// A private fastiod with a socket in a fresh folder, on one device: "host" or "cuda:N".
class PrivateService {
public:
    explicit PrivateService(const std::string& device = "host");
    ~PrivateService();
    PrivateService(const PrivateService&) = delete;
    PrivateService& operator=(const PrivateService&) = delete;
    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
    [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }

private:
    std::string folder_;
    std::string socket_;
    Process process_;
};

/// Asks for one processor; where the machine has only one, nothing happens.
void pin(pid_t pid, unsigned processor);

/// CPU time that a process has used so far.
[[nodiscard]] std::chrono::nanoseconds cpu_time(pid_t pid);

/// A number from /proc/PID/status, e.g. "VmRSS" in KiB.
[[nodiscard]] std::uint64_t status_value(pid_t pid, const std::string& key);

[[nodiscard]] inline double nanoseconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace fastio::bench
