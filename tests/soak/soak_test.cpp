// Crash rounds: operators that do everything at random are killed, stopped, and become new programs of the same name at
// random moments, and so is the service killed, whose place one of several takes. At the end nothing may be left.
// FASTIO_SOAK_ROUNDS and FASTIO_SOAK_SEED choose how many rounds and which, FASTIO_SOAK_FIRST the number of the first:
// what befalls whom in a round follows from the seed and its number alone. One that failed can be repeated by itself,
// with operators that have just begun.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string_view>

#include "process/chaos_process.hpp"
#include "process/service_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kRounds = FASTIO_TEST_ROUNDS;
constexpr std::size_t kOperators = 3;
constexpr std::uint64_t kRequests = 2;
constexpr std::size_t kRivals = 3;

std::uint64_t from_environment(const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Soak : public testing::Test {
protected:
    enum class Event { kill, exec, stop_or_resume, end_orphans, kill_service };

    [[nodiscard]] Event choose() {
        switch (const std::uint64_t of_100 = random_() % 100; of_100) {
            case 0:
            case 1:
                return Event::kill_service;
            default:
                return of_100 < 50   ? Event::kill
                       : of_100 < 70 ? Event::exec
                       : of_100 < 90 ? Event::stop_or_resume
                                     : Event::end_orphans;
        }
    }

    /// Draws as often whatever state they are in.
    void play(Event event) {
        ++played_[static_cast<std::size_t>(event)];
        const std::size_t which = random_() % kOperators;
        seed_of_next_ = random_();
        ChaosProcess& one = *operators_[which];
        switch (event) {
            case Event::kill:
                kill_and_replace(which);
                break;
            case Event::exec:
                exec(one);
                break;
            case Event::stop_or_resume:
                stop_or_resume(one);
                break;
            case Event::end_orphans:
                orphans_.clear();
                break;
            case Event::kill_service:
                kill_service();
                break;
        }
        for (auto& each : operators_) {
            if (!each->stopped()) {
                each->await_new_requests(kRequests);
            }
        }
    }

    void start(std::size_t which) {
        operators_[which] = std::make_unique<ChaosProcess>(service_.socket(), seed_of_next_++);
    }

    /// Each has joined when this returns: who has not would not lose a service that is killed.
    void start_operators() {
        for (std::size_t which = 0; which < kOperators; ++which) {
            start(which);
        }
        for (auto& each : operators_) {
            each->await_new_requests(1);
        }
    }

    /// In the middle of whatever it does.
    void wait_somewhat(ChaosProcess& one) {
        one.await_steps(1 + random_() % 20);
        for (std::uint64_t spin = random_() % 50'000; spin > 0; --spin) {
            asm volatile("");
        }
    }

    void kill_and_replace(std::size_t which) {
        ChaosProcess& victim = *operators_[which];
        if (!victim.stopped()) {
            wait_somewhat(victim);
        }
        ASSERT_EQ(victim.kill(), (ExitStatus{.code = -1, .signal = SIGKILL})) << "it had failed";
        orphans_.push_back(std::move(victim.children()));
        start(which);
    }

    void exec(ChaosProcess& one) {
        if (!one.stopped()) {
            wait_somewhat(one);
            one.exec();
        }
    }

    /// One at least goes on always. Not on emulated GPUs: a process that stands still in the emulator may hold the
    /// machine's lock, which no GPU's driver would.
    void stop_or_resume(ChaosProcess& one) {
        if (one.stopped()) {
            one.resume();
        } else if (kDevice == std::string_view("host") && std::ranges::any_of(operators_, [&](const auto& each) {
                       return each.get() != &one && !each->stopped();
                   })) {
            one.stop();
        }
    }

    void kill_service() {
        service_.process().kill();
        service_.start_rivals(kRivals);
        for (auto& each : operators_) {
            if (!each->stopped()) {
                each->await_loss();
            }
        }
    }

    void end_operators() {
        for (auto& each : operators_) {
            if (each->stopped()) {
                each->resume();
            }
            EXPECT_EQ(each->end(), (ExitStatus{.code = 0, .signal = 0}));
        }
        operators_ = {};
        orphans_.clear();
    }

    /// The service's, once it has nothing and after its first use, which opens a driver's files.
    [[nodiscard]] std::size_t descriptors_at_rest() {
        Service view = service_.view();
        EXPECT_EQ(service_.join("first use").create(1).size(), 1U);
        ServiceProcess::wait_until_empty(view);
        static_cast<void>(view.totals());  // the table's files close at the end of the round that released its memory
        return service_.descriptors();
    }

    /// All operators end. The service that there is must have nothing of those that it has seen.
    void expect_nothing_left() {
        end_operators();
        EXPECT_EQ(service_.wait_until_empty().sessions_cut, 0U);
        EXPECT_EQ(descriptors_at_rest(), descriptors_);
        EXPECT_EQ(service_.memfd_mappings(), 0U);
    }

    const std::uint64_t rounds_ = from_environment("FASTIO_SOAK_ROUNDS", kRounds);
    const std::uint64_t first_ = from_environment("FASTIO_SOAK_FIRST", 0);
    const std::uint64_t seed_ = from_environment("FASTIO_SOAK_SEED", 1);
    const Watchdog watchdog_{"crash rounds", std::chrono::seconds(900 + rounds_)};
    std::mt19937_64 random_{seed_};
    ServiceProcess service_{{"--fence-limit", "0.2"}};
    std::array<std::unique_ptr<ChaosProcess>, kOperators> operators_;
    std::vector<ChaosChildren> orphans_;  ///< whose operators are dead
    std::array<std::uint64_t, 5> played_{};
    std::uint64_t seed_of_next_ = seed_;  ///< of the next operator that is started
    std::size_t descriptors_ = 0;         ///< of a service at rest
};

TEST_F(Soak, CrashRoundsLeaveNothingBehind) {
    constexpr std::uint64_t kRoundsBetweenLooks = 25;  // a service lives for 50 on average
    descriptors_ = descriptors_at_rest();
    for (std::uint64_t round = first_; round < first_ + rounds_; ++round) {
        SCOPED_TRACE("./run soak --seed " + std::to_string(seed_) + " --first " + std::to_string(round) +
                     " --rounds 1");
        if (round % kRoundsBetweenLooks == 0 || round == first_) {
            if (round != first_) {
                expect_nothing_left();
            }
            start_operators();
        }
        std::seed_seq both{seed_, round};
        random_.seed(both);
        ASSERT_NO_THROW(play(choose()));
        ASSERT_FALSE(HasFatalFailure());
    }
    expect_nothing_left();
    std::printf("%llu kills, %llu execs, %llu stops and resumes, %llu ends of orphans, %llu kills of the service\n",
                static_cast<unsigned long long>(played_[0]), static_cast<unsigned long long>(played_[1]),
                static_cast<unsigned long long>(played_[2]), static_cast<unsigned long long>(played_[3]),
                static_cast<unsigned long long>(played_[4]));
    const std::filesystem::path folder = std::filesystem::path(service_.socket()).parent_path();
    service_.process().signal(SIGTERM);
    EXPECT_EQ(service_.process().wait(), (ExitStatus{.code = 0, .signal = 0}));
    std::vector<std::string> left;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        left.push_back(entry.path().filename());
    }
    EXPECT_LE(left.size(), 1U) << "more than the lock's file: " << testing::PrintToString(left);
}

}  // namespace
}  // namespace fastio::test
