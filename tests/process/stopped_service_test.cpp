// SIGSTOP to the service: what asks it nothing goes on, and the rest waits until it does.
#include <gtest/gtest.h>

#include <chrono>

#include "process/scripted_operator.hpp"
#include "process/service_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

using namespace std::chrono_literals;

class StoppedService : public testing::Test {
protected:
    Watchdog watchdog_{"a stopped service", 240s};
    ServiceProcess service_;
    ScriptedOperator operator_{service_.socket(), "job"};
};

TEST_F(StoppedService, LetsGetFindAndReleaseGoOn) {
    ASSERT_EQ(operator_.ask("create a 65536"), "ok");
    ASSERT_EQ(operator_.ask("publish a name"), "ok");
    Context context = service_.join("job");
    context.get("name").release();  // its slab is open from now on
    service_.process().stop();
    for (int i = 0; i < 100; ++i) {
        Allocation got = context.get("name");
        EXPECT_EQ(got.size(), 65536U);
        EXPECT_TRUE(context.find("name"));
        EXPECT_FALSE(context.find("nobody"));
        got.release();
    }
    EXPECT_FALSE(context.find("nobody", {.timeout = 1ms})) << "a wait has its own end";
    EXPECT_EQ(operator_.ask("check a"), "right");
    service_.process().resume();
    EXPECT_EQ(operator_.quit(), (ExitStatus{.code = 0, .signal = 0}));
}

TEST_F(StoppedService, AnswersWhatWasAskedMeanwhileWhenItGoesOn) {
    ASSERT_EQ(operator_.ask("create a 4096"), "ok");
    service_.process().stop();
    operator_.say("publish a name");
    Context context = [&] {
        service_.process().resume();
        return service_.join("job");
    }();
    EXPECT_EQ(operator_.hear(), "ok");
    EXPECT_EQ(context.get("name").size(), 4096U);
}

TEST_F(StoppedService, ThatIsKilledThenIsLost) {
    Context context = service_.join("job");
    service_.process().stop();
    operator_.say("create a 4096");
    service_.process().kill();
    EXPECT_EQ(operator_.hear(), "error service_lost");
    EXPECT_THROW(static_cast<void>(context.create(1)), Error);
}

}  // namespace
}  // namespace fastio::test
