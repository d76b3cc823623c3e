#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/pipe.hpp"

namespace fastio::test {

/// The children that a chaos operator forked. They live until they are told to end, or are killed, and the destructor
/// ends those that are left: by the end of a pipe, so that they go with a test that is killed, too.
class ChaosChildren {
public:
    /// `ids` is the read end of the pipe to which each child writes its process id first.
    ChaosChildren(Descriptor life, Descriptor ids) noexcept : life_(std::move(life)), ids_(std::move(ids)) {}

    /// Those that are known to live: every one that has said so by now and was not killed.
    [[nodiscard]] const std::vector<pid_t>& living();
    /// SIGKILL for all of living().
    void kill();

private:
    Descriptor life_;
    Descriptor ids_;
    std::vector<pid_t> living_;
};

/// The program chaos_operator.cpp, running or stopped.
class ChaosProcess {
public:
    ChaosProcess(const std::string& socket, std::uint64_t seed);

    [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }
    /// Returns after `steps` more of its steps. It is some steps ahead: the pipe holds what was not read yet.
    void await_steps(std::uint64_t steps);
    /// Returns once the service has answered `count` requests of it that it began after this call.
    void await_new_requests(std::uint64_t count);

    /// It becomes a new program of the same name in the middle of whatever it does. Returns once that has begun.
    void exec();
    /// Returns once it has lost the service, and joined the next.
    void await_loss() { await('l'); }

    void stop();
    void resume();
    /// Tells it to end, and waits. It must not be stopped.
    ExitStatus end();
    ExitStatus kill() { return process_.kill(); }
    [[nodiscard]] ChaosChildren& children() noexcept { return children_; }

private:
    struct Ends;
    ChaosProcess(const std::string& socket, std::uint64_t seed, Ends ends);

    void await(char what);

    ChildProcess process_;
    Descriptor progress_;
    Descriptor stop_;
    ChaosChildren children_;
    bool stopped_ = false;
};

}  // namespace fastio::test
