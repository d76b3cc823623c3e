#pragma once

#include <string>

#include "support/channel.hpp"
#include "support/child_process.hpp"
#include "support/pipe.hpp"

namespace fastio::test {

/// The program scripted_operator.cpp, and the line to it.
class ScriptedOperator {
public:
    ScriptedOperator(const std::string& socket, const std::string& job) : ScriptedOperator(Channel::pair()) {
        ask("join " + socket + " " + job);
    }

    /// Asks and returns the answer. Throws std::runtime_error when the operator is gone.
    std::string ask(const std::string& request) { return channel_.ask(request); }
    /// Only asks: for requests that block.
    void say(const std::string& request) { channel_.say(request); }
    std::string hear() { return channel_.hear().text; }

    [[nodiscard]] ChildProcess& process() noexcept { return process_; }
    /// Lets forked children, and what it became by exec, end.
    void let_children_end() { life_.write.reset(); }
    ExitStatus quit() {
        say("quit");
        return process_.wait();
    }

private:
    explicit ScriptedOperator(std::pair<Channel, Channel> ends)
        : channel_(std::move(ends.first)), life_(make_pipe()), process_(start(ends.second, life_)) {
        life_.read.reset();
    }
    static ChildProcess start(Channel& theirs, Pipe& life) {
        ChildProcess process =
            ChildProcess::start(FASTIO_TEST_SCRIPTED_OPERATOR, {}, {.descriptors = {theirs.fd(), life.read.get()}});
        theirs.reset();
        return process;
    }

    Channel channel_;
    Pipe life_;
    ChildProcess process_;
};

}  // namespace fastio::test
