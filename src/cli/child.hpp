#pragma once

#include <sys/types.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/descriptor.hpp"

namespace fastio::cli {

/// How a process ended.
struct ExitStatus {
    int code = 0;    ///< of exit(); meaningless when a signal ended it
    int signal = 0;  ///< 0: it exited

    [[nodiscard]] bool ok() const noexcept { return code == 0 && signal == 0; }
};
[[nodiscard]] std::string to_string(ExitStatus status);  ///< "status 3", "signal 9 (Killed)"

/// This process's environment with some variables set, as "KEY=VALUE".
[[nodiscard]] std::vector<std::string> environment_with(const std::map<std::string, std::string>& changes);

struct ChildSpec {
    std::string name{};                      ///< for messages
    std::filesystem::path program{};         ///< absolute
    std::vector<std::string> arguments{};    ///< argv, the program's own name included
    std::vector<std::string> environment{};  ///< "KEY=VALUE"
    std::filesystem::path folder{};          ///< working directory; empty: this process's
    int output_fd = -1;                      ///< its standard output and error; -1: a pipe that output() reads
    int death_signal = SIGKILL;              ///< sent to it when the thread that started it dies
};

/// A child process in a process group of its own, with nothing on its standard input. The group dies with this object,
/// and what the child leaves running in its group dies with the child.
class Child {
public:
    /// Starts it. Errors: io_error when it cannot be started; then nothing is left.
    explicit Child(const ChildSpec& spec);
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// Polls readable once the child has ended.
    [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
    /// The non-blocking read end of its output; empty after close_output and for a child with output_fd.
    [[nodiscard]] const Descriptor& output() const noexcept { return output_; }
    void close_output() noexcept { output_.reset(); }

    /// Sends a signal to the whole group. Nothing happens after reap.
    void signal(int number) const noexcept;
    /// Waits for the child, kills the rest of its group, and gives the zombie back. To be called once.
    ExitStatus reap() noexcept;

private:
    pid_t pid_ = 0;  // 0: reaped
    Descriptor pidfd_;
    Descriptor output_;
};

}  // namespace fastio::cli
