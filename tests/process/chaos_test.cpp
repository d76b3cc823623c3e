// Operators that do everything at random, fork children included, are killed and stopped at random moments while others
// work. Children outlive their operators for a while.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string_view>
#include <thread>

#include "process/chaos_process.hpp"
#include "process/service_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr int kRounds = 50;  // per seed; four seeds
constexpr std::size_t kOperators = 3;
constexpr std::uint64_t kRequests = 3;

class Chaos : public testing::TestWithParam<std::uint64_t> {
protected:
    /// Children whose operator is dead.
    struct Orphans {
        pid_t parent = 0;
        ChaosChildren children;
    };

    void start(std::size_t which) { operators_[which] = std::make_unique<ChaosProcess>(service_.socket(), random_()); }

    [[nodiscard]] std::size_t running() const {
        return static_cast<std::size_t>(
            std::count_if(operators_.begin(), operators_.end(), [](const auto& one) { return !one->stopped(); }));
    }

    /// All that are not stopped get on with what they ask of the service.
    void await_others() {
        for (auto& one : operators_) {
            if (!one->stopped()) {
                one->await_new_requests(kRequests);
            }
        }
    }

    /// Stops one, or lets it go on; one at least goes on always. Not on emulated GPUs: a process that stands still in
    /// the emulator may hold the machine's lock, which no GPU's driver would.
    void stop_or_resume(ChaosProcess& one) {
        if (kDevice != std::string_view("host")) {
            return;
        }
        if (one.stopped()) {
            one.resume();
        } else if (running() > 1) {
            one.stop();
            await_others();
        }
    }

    /// Running or stopped, in the middle of whatever it does.
    void kill_and_replace(std::size_t which) {
        ChaosProcess& victim = *operators_[which];
        if (!victim.stopped()) {
            victim.await_steps(1 + random_() % 40);
            // Some instructions more, so that the kill does not always meet the same system call.
            for (std::uint64_t spin = random_() % 50'000; spin > 0; --spin) {
                asm volatile("");
            }
        }
        ASSERT_EQ(victim.kill(), (ExitStatus{.code = -1, .signal = SIGKILL})) << "it had seen wrong data";
        orphans_.push_back({victim.pid(), std::move(victim.children())});
        start(which);
    }

    /// Some are killed, the others' parents' death is all that they hear of, and they exit.
    void end_orphans(std::size_t which) {
        if (random_() % 2 == 0) {
            orphans_[which].children.kill();
        }
        orphans_.erase(orphans_.begin() + static_cast<std::ptrdiff_t>(which));
    }

    /// What a dead operator held is kept while a child of it lives. The service may just be hearing of its death.
    void expect_quarantine(Service& view) {
        for (Orphans& each : orphans_) {
            for (std::string state = "connected"; !each.children.living().empty() && state != "quarantined";) {
                const std::vector<SessionInfo> sessions = view.sessions();
                const auto found = std::find_if(sessions.begin(), sessions.end(),
                                                [&](const SessionInfo& session) { return session.pid == each.parent; });
                ASSERT_NE(found, sessions.end()) << "operator " << each.parent << " is over, and a child of it lives";
                state = found->state;
            }
        }
    }

    const Watchdog watchdog_{"chaos rounds", std::chrono::seconds(900)};
    std::mt19937_64 random_{GetParam()};
    // On a GPU consumers wait for what a dead operator had begun while a child of it lives: so long at the most.
    ServiceProcess service_{{"--fence-limit", "0.2"}};
    std::array<std::unique_ptr<ChaosProcess>, kOperators> operators_;
    std::vector<Orphans> orphans_;
};

TEST_P(Chaos, OperatorsKilledAndStoppedAtRandomMomentsCostNobodyAnything) {
    SCOPED_TRACE("seed " + std::to_string(GetParam()));
    Service view = service_.view();  // its own descriptors are there at both counts
    EXPECT_EQ(service_.join("first use, which opens a driver's files").create(1).size(), 1U);
    ServiceProcess::wait_until_empty(view);
    static_cast<void>(view.totals());  // answered in a later round of the service's loop: see below
    const std::size_t descriptors = service_.descriptors();
    for (std::size_t which = 0; which < kOperators; ++which) {
        start(which);
    }
    for (int round = 0; round < kRounds; ++round) {
        stop_or_resume(*operators_[random_() % kOperators]);
        kill_and_replace(random_() % kOperators);
        if (!orphans_.empty() && random_() % 2 == 0) {
            end_orphans(random_() % orphans_.size());
        }
        await_others();
    }
    expect_quarantine(view);
    orphans_.clear();
    for (auto& one : operators_) {
        if (one->stopped()) {
            one->resume();
        }
        EXPECT_EQ(one->end(), (ExitStatus{.code = 0, .signal = 0}));
    }
    operators_ = {};
    const ServiceTotals totals = ServiceProcess::wait_until_empty(view);
    EXPECT_EQ(totals.allocations, 0U);
    EXPECT_EQ(totals.leases, 0U);
    EXPECT_EQ(totals.sessions, 0U);
    EXPECT_EQ(totals.sessions_cut, 0U);
    if (descriptors == 0) {
        GTEST_SKIP() << "all but the count of descriptors held: only root may look into fastiod, which is undumpable";
    }
    // The table's files of the last context close at the end of the loop's round that released its memory.
    while (service_.descriptors() != descriptors) {
    }
    EXPECT_EQ(service_.memfd_mappings(), 0U);
    service_.process().signal(SIGTERM);
    EXPECT_EQ(service_.process().wait(), (ExitStatus{.code = 0, .signal = 0}));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Chaos, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace fastio::test
