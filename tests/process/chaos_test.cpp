// Operators that do everything at random are killed at random moments while others work.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <random>

#include "process/service_process.hpp"
#include "support/pipe.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr int kRounds = 50;  // per seed; four seeds
constexpr std::size_t kOperators = 3;

class ChaosOperator {
public:
    ChaosOperator(const std::string& socket, std::uint64_t seed) {
        Pipe progress = make_pipe();
        Pipe stop = make_pipe();
        process_ = ChildProcess::start(FASTIO_TEST_CHAOS_OPERATOR, {socket, "chaos", std::to_string(seed)},
                                       {.descriptors = {progress.write.get(), stop.read.get()}});
        progress_ = std::move(progress.read);
        stop_ = std::move(stop.write);
    }

    /// Returns after `steps` more of its steps. It is some steps ahead: the pipe holds what was not read yet.
    void await(std::uint64_t steps) {
        for (std::uint64_t i = 0; i < steps; ++i) {
            ASSERT_EQ(wait_for_byte(progress_.get()), '.');
        }
    }
    ExitStatus end() {
        stop_.reset();
        // Reads on, so that it does not block on a full pipe.
        std::array<char, 4096> buffer{};
        while (::read(progress_.get(), buffer.data(), buffer.size()) > 0) {
        }
        return process_.wait();
    }
    ExitStatus kill() { return process_.kill(); }

private:
    ChildProcess process_;
    Descriptor progress_;
    Descriptor stop_;
};

class Chaos : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Chaos, OperatorsKilledAtRandomMomentsCostNobodyAnything) {
    const Watchdog watchdog("chaos rounds", std::chrono::seconds(900));
    SCOPED_TRACE("seed " + std::to_string(GetParam()));
    std::mt19937_64 random(GetParam());
    ServiceProcess service;
    Service view = service.view();  // its own descriptors are there at both counts
    ServiceProcess::wait_until_empty(view);
    const std::size_t descriptors = service.descriptors();
    std::array<std::unique_ptr<ChaosOperator>, kOperators> operators;
    for (auto& one : operators) {
        one = std::make_unique<ChaosOperator>(service.socket(), random());
    }
    for (int round = 0; round < kRounds; ++round) {
        const std::size_t victim = random() % kOperators;
        operators[victim]->await(1 + random() % 40);
        // Some instructions more, so that the kill does not always meet the same system call.
        for (std::uint64_t spin = random() % 50'000; spin > 0; --spin) {
            asm volatile("");
        }
        ASSERT_EQ(operators[victim]->kill(), (ExitStatus{.code = -1, .signal = SIGKILL})) << "it had seen wrong data";
        operators[victim] = std::make_unique<ChaosOperator>(service.socket(), random());
        operators[(victim + 1) % kOperators]->await(2);  // the others go on
    }
    for (auto& one : operators) {
        EXPECT_EQ(one->end(), (ExitStatus{.code = 0, .signal = 0}));
    }
    const ServiceTotals totals = ServiceProcess::wait_until_empty(view);
    EXPECT_EQ(totals.allocations, 0U);
    EXPECT_EQ(totals.leases, 0U);
    EXPECT_EQ(totals.sessions, 0U);
    EXPECT_EQ(totals.sessions_cut, 0U);
    if (descriptors == 0) {
        GTEST_SKIP() << "all but the count of descriptors held: only root may look into fastiod, which is undumpable";
    }
    // The table's files of the last context close at the end of the loop's round that released its memory.
    while (service.descriptors() != descriptors) {
    }
    EXPECT_EQ(service.memfd_mappings(), 0U);
    service.process().signal(SIGTERM);
    EXPECT_EQ(service.process().wait(), (ExitStatus{.code = 0, .signal = 0}));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Chaos, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace fastio::test
