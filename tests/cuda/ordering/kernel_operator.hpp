#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "support/channel.hpp"
#include "support/child_process.hpp"
#include "support/pipe.hpp"

namespace fastio::test {

/// The program pattern_operator.cpp, joined to a GPU, and the line to it.
class KernelOperator {
public:
    explicit KernelOperator(const std::string& socket, const std::string& device = "cuda:0")
        : KernelOperator(Channel::pair()) {
        EXPECT_EQ(ask("join " + socket + " " + device), "ok");
    }
    std::string ask(const std::string& request) { return channel_.ask(request); }
    [[nodiscard]] ChildProcess& process() noexcept { return process_; }
    /// Lets forked children end.
    void let_children_end() { life_.write.reset(); }

private:
    explicit KernelOperator(std::pair<Channel, Channel> ends) : channel_(std::move(ends.first)), life_(make_pipe()) {
        // A kernel that is loaded at its first launch may wait for what a test holds up.
        process_ = ChildProcess::start(
            beside_this_program(FASTIO_TEST_PATTERN_OPERATOR), {},
            {.descriptors = {ends.second.fd(), life_.read.get()}, .environment = {{"CUDA_MODULE_LOADING", "EAGER"}}});
        life_.read.reset();
    }

    Channel channel_;
    Pipe life_;
    ChildProcess process_;
};

}  // namespace fastio::test
