// A child that an operator forked keeps what the operator held, as it would keep a GPU at work.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "process/scripted_operator.hpp"
#include "process/service_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class ForkedChild : public testing::Test {
protected:
    /// Blocks until the session of that process is in the given state.
    SessionInfo wait_for_state(pid_t pid, const std::string& state) {
        Service view = service_.view();
        while (true) {
            const std::vector<SessionInfo> sessions = view.sessions();
            const auto found = std::find_if(sessions.begin(), sessions.end(), [&](const SessionInfo& session) {
                return session.pid == pid && session.state == state;
            });
            if (found != sessions.end()) {
                return *found;
            }
            std::this_thread::yield();
        }
    }

    Watchdog watchdog_{"a forked child"};
    ServiceProcess service_;
    ScriptedOperator operator_{service_.socket(), "job"};
};

/// With the objects that it inherited, or after it has destroyed its copies: what the driver has open stays open.
class ForkedChildOfTheDead : public ForkedChild, public testing::WithParamInterface<const char*> {};

TEST_P(ForkedChildOfTheDead, KeepsTheDeadParentsMemoryInQuarantineUntilItIsGone) {
    ASSERT_EQ(operator_.ask("create a 1000000"), "ok");
    const std::int64_t child = std::stoll(operator_.ask(std::string("fork ") + GetParam()));
    const pid_t parent = operator_.process().pid();
    operator_.process().kill();

    // Its lifeline is what is waited for, and stat says who holds it.
    SessionInfo session = wait_for_state(parent, "quarantined");
    while (session.lifeline_holders != std::vector<std::int64_t>{child}) {
        session = wait_for_state(parent, "quarantined");  // the parent's own end may just be closing
    }
    EXPECT_EQ(session.holds, 1U);
    EXPECT_GE(session.bytes_held, 1'000'000U);
    EXPECT_NE(session.reason.find("lifeline"), std::string::npos) << session.reason;
    const ServiceTotals totals = service_.view().totals();
    EXPECT_EQ(totals.sessions, 1U);
    EXPECT_EQ(totals.allocations, 1U);
    EXPECT_GE(totals.bytes_quarantined, 1'000'000U);

    operator_.let_children_end();
    EXPECT_EQ(service_.wait_until_empty().bytes_quarantined, 0U);
}

INSTANTIATE_TEST_SUITE_P(Objects, ForkedChildOfTheDead, testing::Values("keeping", "destroying"),
                         [](const auto& parameter) { return std::string(parameter.param); });

TEST_F(ForkedChild, OfALivingParentChangesNothing) {
    ASSERT_EQ(operator_.ask("create a 4096"), "ok");
    operator_.ask("fork");
    EXPECT_EQ(operator_.ask("publish a name"), "ok");
    EXPECT_EQ(operator_.ask("check a"), "right");
    EXPECT_EQ(operator_.ask("free a"), "ok");
    operator_.let_children_end();
    EXPECT_EQ(operator_.quit(), (ExitStatus{.code = 0, .signal = 0}));
    service_.wait_until_empty();
}

TEST_F(ForkedChild, OfAParentThatLeftCleanlyHoldsNothing) {
    ASSERT_EQ(operator_.ask("create a 4096"), "ok");
    operator_.ask("fork");
    EXPECT_EQ(operator_.quit(), (ExitStatus{.code = 0, .signal = 0}));  // bye: everything was released first
    service_.wait_until_empty();
    operator_.let_children_end();
}

TEST_F(ForkedChild, ExecutedProgramKeepsTheMemoryUntilTheProcessEnds) {
    ASSERT_EQ(operator_.ask("create a 4096"), "ok");
    const pid_t pid = operator_.process().pid();
    ASSERT_EQ(operator_.ask("exec"), "ok");
    const SessionInfo session = wait_for_state(pid, "quarantined");
    EXPECT_EQ(session.holds, 1U);
    operator_.let_children_end();
    EXPECT_EQ(operator_.process().wait(), (ExitStatus{.code = 0, .signal = 0}));
    service_.wait_until_empty();
}

}  // namespace
}  // namespace fastio::test
