#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "device/descriptor.hpp"

namespace fastio::test {

/// How a process ended: by exit(code), or by a signal.
struct ExitStatus {
    int code = -1;   ///< -1 when a signal ended it
    int signal = 0;  ///< 0 when it exited
    friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};
[[nodiscard]] std::string to_string(const ExitStatus& status);

/// The path of a program in the folder of this one, wherever the build was carried.
[[nodiscard]] std::string beside_this_program(const std::string& name);

struct ChildOptions {
    std::vector<int> descriptors{};                    ///< the child finds them at 3, 4, ...; its only ones above 2
    std::map<std::string, std::string> environment{};  ///< over this process's own
    std::vector<std::string> unset{};                  ///< variables that the child does not get
    bool capture_output = false;                       ///< standard output and error go to output()
    std::string folder{};                              ///< to run in; empty: this process's
};

/// One program that runs beside the test. Move-only; the destructor kills and reaps it. A child that was started from
/// the test's main thread is killed by the kernel when that thread ends, so that none outlives a crashed test.
/// Failures of the operating system throw std::system_error.
class ChildProcess {
public:
    /// `program` is a path, or a name that $PATH has. Throws if it cannot be executed.
    [[nodiscard]] static ChildProcess start(const std::string& program, const std::vector<std::string>& arguments = {},
                                            const ChildOptions& options = {});
    ChildProcess() noexcept = default;
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// Sends a signal; nothing happens if wait() was told already that it ended.
    void signal(int number);
    /// SIGKILL, and wait().
    ExitStatus kill();
    /// SIGSTOP; returns once the child is stopped.
    void stop();
    void resume();

    /// Blocks until it has ended. May be called again.
    ExitStatus wait();
    /// Empty while it runs.
    [[nodiscard]] std::optional<ExitStatus> try_wait();
    /// Waits, for so long at most; empty if it still runs.
    [[nodiscard]] std::optional<ExitStatus> wait_for(std::chrono::milliseconds limit);
    /// Neither kills, awaits nor reaps it any more: for one that survives SIGKILL. Its output can still be read.
    void abandon() noexcept { pid_ = 0; }
    /// Returns once output() contains `text`. Throws std::runtime_error with the output if the child ends first.
    void wait_for_output(const std::string& text);

    /// What it wrote so far. Needs capture_output.
    [[nodiscard]] std::string output() const;

private:
    void end() noexcept;

    pid_t pid_ = 0;
    Descriptor output_{};  ///< an anonymous file
    std::optional<ExitStatus> status_{};
};

}  // namespace fastio::test
