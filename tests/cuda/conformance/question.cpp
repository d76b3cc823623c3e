#include "question.hpp"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <stdexcept>

#include "calls.hpp"
#include "peer.hpp"

namespace fastio::conformance {
namespace {

constexpr std::chrono::seconds kEnding(5);
constexpr const char* kStuck = "did not end, survives SIGKILL";

test::ChildProcess start(const std::vector<std::string>& arguments, const test::Channel& channel,
                         std::chrono::seconds limit) {
    test::ChildOptions options;
    options.environment = {{kLimitVariable, std::to_string(limit.count())}};
    options.descriptors = {channel.fd()};
    options.capture_output = true;
    return test::ChildProcess::start(own_program(), arguments, options);
}

std::string end_of(const test::ExitStatus& status) {
    return (status.signal != 0 ? "crashed: " : "ended without an answer: ") + to_string(status);
}

}  // namespace

Question::Question(const std::vector<std::string>& arguments, std::chrono::seconds limit)
    : Question(arguments, limit, test::Channel::pair()) {}

Question::Question(const std::vector<std::string>& arguments, std::chrono::seconds limit,
                   std::pair<test::Channel, test::Channel> ends)
    : channel_(std::move(ends.first)),
      process_(start(arguments, ends.second, limit)),
      deadline_(Clock::now() + limit) {}

void Question::hear(bool readable) {
    if (!readable) {
        if (Clock::now() >= deadline_) {
            const bool ended = kill().has_value();
            answer_ = !answer_.empty() ? answer_ : ended ? "did not end" : kStuck;
            over_ = true;
        }
        return;
    }
    try {
        answer_ = channel_.hear().text;
    } catch (const std::runtime_error&) {  // it is gone
        const std::optional<test::ExitStatus> status = await_end();
        answer_ = !answer_.empty() ? answer_ : status ? end_of(*status) : kStuck;
        over_ = true;
    }
}

std::optional<test::ExitStatus> Question::await_end() {
    const std::optional<test::ExitStatus> status = process_.wait_for(kEnding);
    return status ? status : kill();
}

std::optional<test::ExitStatus> Question::kill() {
    process_.signal(SIGKILL);
    const std::optional<test::ExitStatus> status = process_.wait_for(kEnding);
    if (!status) {
        process_.abandon();
    }
    return status;
}

void hear_some(std::vector<Question>& questions) {
    std::vector<pollfd> entries;
    auto next = Question::Clock::time_point::max();
    for (const Question& question : questions) {
        entries.push_back({question.fd(), POLLIN, 0});
        next = std::min(next, question.deadline());
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Question::Clock::now());
    ::poll(entries.data(), entries.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    for (std::size_t i = 0; i < questions.size(); ++i) {
        questions[i].hear(entries[i].revents != 0);
    }
}

}  // namespace fastio::conformance
