// The service is killed: everybody learns it, and the next one takes over.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "process/scripted_operator.hpp"
#include "process/service_process.hpp"
#include "support/errors.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class KilledService : public testing::Test {
protected:
    Watchdog watchdog_{"a killed service"};
    ServiceProcess service_;
};

TEST_F(KilledService, GivesServiceLostToABlockedGet) {
    ScriptedOperator waiting(service_.socket(), "job");
    waiting.say("await never");
    ASSERT_EQ(waiting.hear(), "waiting");
    service_.process().kill();
    EXPECT_EQ(waiting.hear(), "error service_lost");
}

TEST_F(KilledService, GivesServiceLostToEveryCall) {
    Context context = service_.join("job");
    Allocation made = context.create(4096);
    service_.process().kill();
    EXPECT_EQ(errc_of([&] { (void)context.create(4096); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] { made.publish("name"); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] { context.unpublish("name"); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] { (void)context.stats(); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] { (void)context.get("name", {.timeout = forever}); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] { (void)context.list(); }), Errc::service_lost);
    EXPECT_FALSE(context.alive());
}

TEST_F(KilledService, LeavesMappedMemoryReadableAndReleasable) {
    if (kDevice != std::string_view("host")) {
        GTEST_SKIP() << "what a GPU's memory holds after its owner's death is not known";
    }
    Context context = service_.join("job");
    Allocation made = context.create(1 << 20);
    std::iota(made.as_span<std::uint8_t>().begin(), made.as_span<std::uint8_t>().end(), std::uint8_t{0});
    made.publish("name");
    Allocation got = context.get("name");
    service_.process().kill();
    while (context.alive()) {
    }
    const auto bytes = got.as_span<const std::uint8_t>();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        ASSERT_EQ(bytes[i], static_cast<std::uint8_t>(i));
    }
    got.release();
    made.release();
    EXPECT_EQ(errc_of([&] { (void)made.size(); }), Errc::released);
}

TEST_F(KilledService, IsTakenOverByTheNextOnTheSameSocket) {
    Context before = service_.join("job");
    service_.process().kill();
    service_.start();
    Context after = service_.join("job");
    Allocation made = after.create(4096);
    made.publish("name");
    EXPECT_EQ(after.get("name").size(), 4096U);
    EXPECT_EQ(errc_of([&] { (void)before.create(1); }), Errc::service_lost);
}

TEST_F(KilledService, OneOfFiftyStartedAtOnceWins) {
    service_.process().kill();
    service_.start_rivals(50);
    Context context = service_.join("job");
    EXPECT_EQ(context.create(4096).size(), 4096U);
}

TEST_F(KilledService, LeavesLeasesThatCanBeReleased) {
    Context context = service_.join("job");
    Allocation made = context.create(1 << 20);
    made.publish("name");
    Allocation got = context.get("name");
    service_.process().kill();
    while (context.alive()) {
    }
    EXPECT_EQ(got.size(), 1U << 20U);
    got.release();
    made.release();
    EXPECT_EQ(errc_of([&] { (void)got.size(); }), Errc::released);
}

}  // namespace
}  // namespace fastio::test
