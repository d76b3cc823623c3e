#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {

/// What a `fastio` command gave back.
struct CommandResult {
    ExitStatus status{};
    std::string out{};
    std::string err{};
};

/// Runs the real `fastio` program. FASTIO_* variables of this process do not reach it.
class Command {
public:
    explicit Command(std::map<std::string, std::string> environment = {}) : environment_(std::move(environment)) {}

    [[nodiscard]] CommandResult operator()(const std::vector<std::string>& arguments) const;
    /// The same, not waited for, with standard output and error together in output().
    [[nodiscard]] ChildProcess start(const std::vector<std::string>& arguments) const;

private:
    [[nodiscard]] ChildOptions options() const;

    std::map<std::string, std::string> environment_;
};

/// The real `fastiod` program with a socket of its own, answering when the constructor returns.
class Daemon {
public:
    Daemon();

    [[nodiscard]] std::string socket() const { return folder_.file("fastiod.sock"); }
    [[nodiscard]] ChildProcess& process() noexcept { return process_; }
    /// A `fastio` that uses it.
    [[nodiscard]] Command command() const { return Command({{"FASTIO_SOCKET", socket()}}); }

private:
    TempDir folder_;
    ChildProcess process_;
};

/// The contents of a file.
[[nodiscard]] std::string read_file(const std::string& path);

}  // namespace fastio::test
