#include "client/adaptive_spin.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace fastio::test {
namespace {

using std::chrono::microseconds;

/// A clock that goes on by one microsecond each time it is read.
struct FakeClock {
    static inline std::chrono::steady_clock::time_point time{};
    static inline long preempted = 0;
    static std::chrono::steady_clock::time_point now() noexcept { return time += microseconds(1); }
    static long preemptions() noexcept { return preempted; }
};

using Spin = detail::AdaptiveSpin<FakeClock>;

constexpr int kNever = -1;

class AdaptiveSpinTest : public ::testing::Test {
protected:
    struct Call {
        int polls = 0;
        int sleeps = 0;
        friend bool operator==(const Call&, const Call&) = default;
    };

    /// Waits for what is there at the poll of that number. Sleeping for it takes so long.
    Call wait(int ready_at, microseconds asleep = Spin::kSlow, bool preempted = false) {
        Call call;
        spin_.wait(
            [&] {
                FakeClock::preempted += preempted ? 1 : 0;
                return ++call.polls == ready_at;
            },
            [&] {
                ++call.sleeps;
                FakeClock::time += asleep;
            });
        return call;
    }
    /// The number of calls that sleep at once before one polls.
    int sleeps_before_a_poll() {
        int sleeps = 0;
        while (wait(1).polls == 0) {
            ++sleeps;
        }
        return sleeps;
    }
    void begin_to_poll() { ASSERT_EQ(sleeps_before_a_poll(), Spin::kSlowCallsBefore); }

    Spin spin_;
};

TEST_F(AdaptiveSpinTest, SleepsWhereThatIsFast) {
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(wait(1, Spin::kSlow - microseconds(1)), (Call{.sleeps = 1}));
    }
}

TEST_F(AdaptiveSpinTest, PollsAfterSeveralSlowCallsInARow) {
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(wait(1, i % Spin::kSlowCallsBefore == 0 ? microseconds(1) : Spin::kSlow), (Call{.sleeps = 1}));
    }
    ASSERT_EQ(wait(1, microseconds(1)), (Call{.sleeps = 1}));
    begin_to_poll();
    EXPECT_EQ(wait(7), (Call{.polls = 7}));
    EXPECT_EQ(sleeps_before_a_poll(), 0);
}

TEST_F(AdaptiveSpinTest, SleepsForSomeCallsWhereItDoesNotComeInTime) {
    begin_to_poll();
    EXPECT_EQ(wait(kNever), (Call{.polls = Spin::kLongest.count(), .sleeps = 1}));
    EXPECT_EQ(sleeps_before_a_poll(), Spin::kSleepsAfterATimeout);
    EXPECT_EQ(sleeps_before_a_poll(), 0);
}

TEST_F(AdaptiveSpinTest, SleepsForMoreCallsWhereAnotherWantsTheProcessor) {
    begin_to_poll();
    EXPECT_EQ(wait(3, Spin::kSlow, true), (Call{.polls = 3}));
    EXPECT_EQ(sleeps_before_a_poll(), Spin::kSleepsAfterAPreemption);
    EXPECT_EQ(sleeps_before_a_poll(), 0);
}

TEST_F(AdaptiveSpinTest, StaysAsleepWhereThatHasBecomeFast) {
    begin_to_poll();
    EXPECT_EQ(wait(3, Spin::kSlow, true), (Call{.polls = 3}));
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(wait(1, microseconds(1)), (Call{.sleeps = 1}));
    }
}

}  // namespace
}  // namespace fastio::test
