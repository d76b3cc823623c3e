// An operator is killed at chosen moments; docs/failure_model.md says what is left.
#include <gtest/gtest.h>

#include "process/scripted_operator.hpp"
#include "process/service_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class DeadOperator : public testing::Test {
protected:
    /// Kills the operator and waits until the service has let go of it.
    void kill_and_wait(ScriptedOperator& victim) {
        victim.process().kill();
        while (context_.stats().members > 1) {
        }
    }

    Watchdog watchdog_{"a dead operator"};
    ServiceProcess service_;
    Context context_ = service_.join("job");
    ScriptedOperator victim_{service_.socket(), "job"};
};

TEST_F(DeadOperator, LosesWhatItHadNotPublished) {
    ASSERT_EQ(victim_.ask("create a 100000"), "ok");
    ASSERT_EQ(context_.stats().allocations, 1U);
    kill_and_wait(victim_);
    EXPECT_EQ(context_.stats().allocations, 0U);
    EXPECT_EQ(context_.stats().bytes_in_use, 0U);
}

TEST_F(DeadOperator, LeavesWhatItHadPublished) {
    ASSERT_EQ(victim_.ask("create a 100000"), "ok");
    ASSERT_EQ(victim_.ask("publish a volume"), "ok");
    kill_and_wait(victim_);
    ScriptedOperator reader(service_.socket(), "job");
    EXPECT_EQ(reader.ask("get v volume"), "ok");
    EXPECT_EQ(reader.ask("check v"), "right");
    EXPECT_EQ(context_.stats().leases, 1U);
}

TEST_F(DeadOperator, DropsItsLeasesOnMemoryWithoutAName) {
    Allocation mine = context_.create(100'000);
    mine.publish("volume");
    ASSERT_EQ(victim_.ask("get v volume"), "ok");
    mine.free();
    EXPECT_EQ(context_.stats().allocations, 1U) << "the victim still leases it";
    kill_and_wait(victim_);
    while (context_.stats().allocations > 0) {  // a thread of this process may still have to drop its own lease
    }
}

TEST_F(DeadOperator, DisturbsNoOtherHolder) {
    ScriptedOperator other(service_.socket(), "job");
    ASSERT_EQ(victim_.ask("create a 100000"), "ok");
    ASSERT_EQ(victim_.ask("publish a volume"), "ok");
    ASSERT_EQ(other.ask("get v volume"), "ok");
    victim_.process().kill();
    context_.unpublish("volume");
    EXPECT_EQ(other.ask("check v"), "right");
    EXPECT_EQ(other.ask("release v"), "ok");
    while (context_.stats().members > 2 || context_.stats().allocations > 0) {  // nothing is left in the end
    }
}

TEST_F(DeadOperator, ThatWaitedForANameLeavesNoTrace) {
    victim_.say("await never");
    ASSERT_EQ(victim_.hear(), "waiting");
    kill_and_wait(victim_);
    EXPECT_EQ(context_.stats().leases, 0U);
    Allocation mine = context_.create(4096);
    mine.publish("never");
    EXPECT_EQ(context_.get("never").size(), 4096U);
}

TEST_F(DeadOperator, LastMemberEndsTheContext) {
    ASSERT_EQ(victim_.ask("create a 100000"), "ok");
    ASSERT_EQ(victim_.ask("publish a volume"), "ok");
    context_ = service_.join("another job");
    victim_.process().kill();
    Service view = service_.view();
    while (view.totals().contexts > 1) {
    }
    Context again = service_.join("job");
    EXPECT_FALSE(again.find("volume").has_value());
}

}  // namespace
}  // namespace fastio::test
