#pragma once

#include <map>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "support/channel.hpp"
#include "support/child_process.hpp"
#include "support/pipe.hpp"

namespace fastio::test {

/// The program stream_operator.cpp, joined to the job "job", and the line to it.
class StreamOperator {
public:
    /// `machine` are switches of the emulator for this process alone.
    explicit StreamOperator(const std::string& socket, const std::string& device = "cuda:0",
                            const std::map<std::string, std::string>& machine = {})
        : StreamOperator(Channel::pair(), machine) {
        EXPECT_EQ(ask("join " + socket + " " + device), "ok");
    }
    std::string ask(const std::string& request) { return channel_.ask(request); }
    void say(const std::string& request) { channel_.say(request); }
    std::string hear() { return channel_.hear().text; }
    [[nodiscard]] ChildProcess& process() noexcept { return process_; }
    /// Lets forked children end.
    void let_children_end() { life_.write.reset(); }

private:
    StreamOperator(std::pair<Channel, Channel> ends, const std::map<std::string, std::string>& machine)
        : channel_(std::move(ends.first)), life_(make_pipe()) {
        ChildOptions options;
        options.descriptors = {ends.second.fd(), life_.read.get()};
        options.environment = machine;
        process_ = ChildProcess::start(FASTIO_TEST_STREAM_OPERATOR, {}, options);
        life_.read.reset();
    }

    Channel channel_;
    Pipe life_;
    ChildProcess process_;
};

}  // namespace fastio::test
