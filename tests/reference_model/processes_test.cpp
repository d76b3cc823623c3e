// Clients that are processes, one of which is killed now and then, and a fastiod that goes on from case to case.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <utility>

#include "process/service_process.hpp"
#include "reference_model/contest.hpp"
#include "reference_model/generate.hpp"
#include "support/channel.hpp"
#include "support/leak_check.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr double kScale = FASTIO_TEST_SCALE;
constexpr bool kOnStreams = FASTIO_TEST_ON_STREAMS;

/// Few enough to be reached. Who is refused waits for its streams, so that it should not happen all the time to those
/// that have some.
constexpr std::uint64_t kAllocations = kOnStreams ? 20 : 9;

class PlayerProcess {
public:
    explicit PlayerProcess(const std::string& socket) : PlayerProcess(socket, Channel::pair()) {}
    PlayerProcess(const PlayerProcess&) = delete;
    PlayerProcess& operator=(const PlayerProcess&) = delete;
    ~PlayerProcess() {
        try {
            if (!killed_) {
                channel_.say("quit");
                EXPECT_EQ(process_.wait(), (ExitStatus{.code = 0}));
            }
        } catch (const std::exception& error) {
            ADD_FAILURE() << "a client was gone before it was told to quit: " << error.what();
        }
    }

    std::string play(const Step& step) { return channel_.ask(encode(step)).substr(1); }
    void kill() {
        process_.kill();
        killed_ = true;
    }

private:
    PlayerProcess(const std::string& socket, std::pair<Channel, Channel> ends)
        : channel_(std::move(ends.first)),
          process_(ChildProcess::start(FASTIO_TEST_PLAYER, {socket, kDevice}, {.descriptors = {ends.second.fd()}})) {
        ends.second.reset();
        EXPECT_EQ(channel_.hear().text, "joined");
    }

    Channel channel_;
    ChildProcess process_;
    bool killed_ = false;
};

class ProcessStage final : public Stage {
public:
    explicit ProcessStage(std::string socket) : socket_(std::move(socket)) {
        for (auto& player : players_) {
            player = std::make_unique<PlayerProcess>(socket_);
        }
    }

    std::string play(const Step& step) override {
        auto& player = players_.at(static_cast<std::size_t>(step.client));
        if (step.verb != Verb::kill) {
            return player->play(step);
        }
        // The next one joins first, so that the job does not end with the last member.
        auto next = std::make_unique<PlayerProcess>(socket_);
        static_cast<void>(player->play(step));
        player->kill();
        player = std::move(next);
        return kDone;
    }
    [[nodiscard]] const std::string& socket() const override { return socket_; }

private:
    std::string socket_;
    std::array<std::unique_ptr<PlayerProcess>, kClients> players_{};
};

TEST(Processes, AnySequenceOfCallsAndKillsAnswersAsTheOracleSaysAndLeavesNothing) {
    ServiceProcess service({"--max-allocations", std::to_string(kAllocations)});
    Service view = service.view();
    const auto play = [&](const std::vector<Step>& steps) {
        const Watchdog watchdog("a case of the reference model");
        const LeakCheck leaks;
        const std::size_t descriptors = service.descriptors();
        std::string wrong;
        {
            ProcessStage stage(service.socket());
            Oracle oracle(kAllocations);
            wrong = contest(steps, stage, oracle);
        }
        for (const ContextInfo& persistent : view.contexts()) {
            view.end(persistent.job);
        }
        ServiceProcess::wait_until_empty(view);
        static_cast<void>(view.totals());
        static_cast<void>(view.totals());
        const std::string leaked = leaks.difference();
        if (wrong.empty() && !leaked.empty()) {
            return "left over: " + leaked;
        }
        if (wrong.empty() && service.descriptors() != descriptors) {
            return "the service has " + std::to_string(service.descriptors()) + " descriptors instead of " +
                   std::to_string(descriptors);
        }
        return wrong;
    };
    static_cast<void>(play({{.verb = Verb::create}}));  // what the service opens once
    const Search found = search(play, Mix{.kills = true, .mostly_contents = kOnStreams}, kScale);
    EXPECT_FALSE(found.failed) << found.text;
}

}  // namespace
}  // namespace fastio::test
