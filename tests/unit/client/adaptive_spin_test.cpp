#include "client/adaptive_spin.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace fastio::test {
namespace {

/// A clock that goes on by one microsecond each time it is read.
struct FakeClock {
    static inline std::chrono::steady_clock::time_point time{};
    static inline long preempted = 0;
    static std::chrono::steady_clock::time_point now() noexcept { return time += std::chrono::microseconds(1); }
    static long preemptions() noexcept { return preempted; }
};

class AdaptiveSpinTest : public ::testing::Test {
protected:
    using Spin = detail::AdaptiveSpin<FakeClock>;

    /// One wait for what is there at the call of that number. Gives how often it was asked for.
    int ask(int ready_at, bool preempted = false) {
        int calls = 0;
        const bool ready = spin_.wait([&] {
            FakeClock::preempted += preempted ? 1 : 0;
            return ++calls == ready_at;
        });
        EXPECT_EQ(ready, calls == ready_at);
        return calls;
    }
    /// Waits that do not ask, until one does.
    int calls_without() {
        int without = 0;
        while (ask(1) == 0) {
            ++without;
        }
        return without;
    }

    Spin spin_;
};

constexpr int kNever = -1;

TEST_F(AdaptiveSpinTest, AsksUntilItIsThere) {
    EXPECT_EQ(ask(1), 1);
    EXPECT_EQ(ask(7), 7);
    EXPECT_EQ(calls_without(), 0);
}

TEST_F(AdaptiveSpinTest, DoesWithoutForAWhileWhereItDoesNotComeInTime) {
    EXPECT_EQ(ask(kNever), Spin::kLongest.count());
    EXPECT_EQ(calls_without(), Spin::kCallsWithoutAfterATimeout);
    EXPECT_EQ(calls_without(), 0);
}

TEST_F(AdaptiveSpinTest, DoesWithoutForLongerWhereAnotherWantsTheProcessor) {
    EXPECT_EQ(ask(3, true), 3);
    EXPECT_EQ(calls_without(), Spin::kCallsWithoutAfterAPreemption);
    EXPECT_EQ(calls_without(), 0);
}

}  // namespace
}  // namespace fastio::test
