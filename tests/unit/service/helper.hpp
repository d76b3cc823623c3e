#pragma once

#include <string>
#include <utility>

#include "support/channel.hpp"
#include "support/child_process.hpp"
#include "support/pipe.hpp"

namespace fastio::test {

/// A client in a process of its own, which can die. See helper_main.cpp for what it can be told.
class Helper {
public:
    Helper() {
        auto [here, there] = Channel::pair();
        channel_ = std::move(here);
        ChildOptions options;
        options.descriptors = {there.fd(), grandchildren_.read.get()};
        process = ChildProcess::start(FASTIO_SERVICE_TEST_HELPER, {}, options);
        grandchildren_.read.reset();
    }

    std::string tell(const std::string& line) { return channel_.ask(line); }
    /// Without an answer: it dies of it.
    void tell_last(const std::string& line) { channel_.say(line); }
    /// Lets what it forked end.
    void end_grandchildren() { grandchildren_.write.reset(); }

    ChildProcess process;

private:
    Channel channel_{wire::Socket{}};
    Pipe grandchildren_ = make_pipe();
};

}  // namespace fastio::test
