#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "support/channel.hpp"
#include "support/child_process.hpp"

namespace fastio::conformance {

/// One question in a process of its own: this program with other arguments. Whatever becomes of that process is an
/// answer: what it says, "crashed: signal N", "did not end". It is killed at the end, and with this process.
class Question {
public:
    using Clock = std::chrono::steady_clock;

    Question(const std::vector<std::string>& arguments, std::chrono::seconds limit);

    /// Readable when there is something to hear.
    [[nodiscard]] int fd() const noexcept { return channel_.fd(); }
    [[nodiscard]] Clock::time_point deadline() const noexcept { return deadline_; }
    /// Hears what there is, or that the time is over.
    void hear(bool readable);
    /// Nothing more will be heard, also where the process cannot be ended: a driver may hold it. A process that
    /// answered is given its time to end.
    [[nodiscard]] bool is_over() const noexcept { return over_; }

    [[nodiscard]] const std::string& answer() const noexcept { return answer_; }
    /// What its processes printed.
    [[nodiscard]] std::string noise() const { return process_.output(); }

private:
    Question(const std::vector<std::string>& arguments, std::chrono::seconds limit,
             std::pair<test::Channel, test::Channel> ends);

    /// How it ended, where that is within a few seconds, or as soon after SIGKILL; else it is left alone.
    std::optional<test::ExitStatus> await_end();
    std::optional<test::ExitStatus> kill();

    test::Channel channel_;
    test::ChildProcess process_;
    Clock::time_point deadline_;
    std::string answer_{};
    bool over_ = false;
};

/// Waits until one of them can be heard, or its time is over, and hears all that can.
void hear_some(std::vector<Question>& questions);

}  // namespace fastio::conformance
