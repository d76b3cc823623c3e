// SIGSTOP: nobody waits for an operator that stands still.
#include <gtest/gtest.h>

#include "process/scripted_operator.hpp"
#include "process/service_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class StoppedOperator : public testing::Test {
protected:
    Watchdog watchdog_{"a stopped operator"};
    ServiceProcess service_;
    ScriptedOperator stopped_{service_.socket(), "job"};
};

TEST_F(StoppedOperator, DelaysNobody) {
    ASSERT_EQ(stopped_.ask("create a 65536"), "ok");
    ASSERT_EQ(stopped_.ask("publish a kept"), "ok");
    stopped_.process().stop();
    Context context = service_.join("job");
    for (int i = 0; i < 500; ++i) {
        Allocation made = context.create(4096);
        made.publish("other", {.replace = true});
        EXPECT_EQ(context.get("other").size(), 4096U);
        EXPECT_EQ(context.get("kept").size(), 65536U);
    }
    context.unpublish("other");
    stopped_.process().resume();
    EXPECT_EQ(stopped_.ask("check a"), "right");
    EXPECT_EQ(stopped_.quit(), (ExitStatus{.code = 0, .signal = 0}));
}

TEST_F(StoppedOperator, KeepsWhatItLeased) {
    Context context = service_.join("job");
    ASSERT_EQ(stopped_.ask("create a 300000"), "ok");
    ASSERT_EQ(stopped_.ask("publish a kept"), "ok");
    stopped_.process().stop();
    context.unpublish("kept");
    for (int i = 0; i < 50; ++i) {  // would take the memory if it were free
        Allocation made = context.create(300'000);
        const std::vector<char> other(made.size(), 'x');
        made.copy_from(other.data(), other.size());
    }
    EXPECT_EQ(context.stats().leases, 1U);
    stopped_.process().resume();
    EXPECT_EQ(stopped_.ask("check a"), "right");
    EXPECT_EQ(stopped_.ask("release a"), "ok");
    while (context.stats().allocations > 0) {  // its nudge travels on another socket than this question
    }
}

TEST_F(StoppedOperator, ThatWaitsForANameGetsItWhenItGoesOn) {
    ScriptedOperator producer(service_.socket(), "job");
    stopped_.say("await late");
    ASSERT_EQ(stopped_.hear(), "waiting");
    stopped_.process().stop();
    ASSERT_EQ(producer.ask("create a 4096"), "ok");
    ASSERT_EQ(producer.ask("publish a late"), "ok");
    stopped_.process().resume();
    EXPECT_EQ(stopped_.hear(), "right");
}

TEST_F(StoppedOperator, ThatIsKilledGivesEverythingBack) {
    ASSERT_EQ(stopped_.ask("create a 65536"), "ok");
    ASSERT_EQ(stopped_.ask("create b 65536"), "ok");
    ASSERT_EQ(stopped_.ask("publish b name"), "ok");
    stopped_.process().stop();
    EXPECT_EQ(stopped_.process().kill(), (ExitStatus{.code = -1, .signal = SIGKILL}));
    EXPECT_EQ(service_.wait_until_empty().bytes_in_use, 0U);
}

}  // namespace
}  // namespace fastio::test
