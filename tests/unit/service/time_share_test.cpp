#include "service/time_share.hpp"

#include <gtest/gtest.h>

namespace fastio::test {
namespace {

using namespace std::chrono_literals;
using service::FairTime;
using service::TimeShare;

constexpr TimeShare::Clock::time_point kStart{1h};
constexpr int kParts = 4;

/// Asks without a pause, `spent` each time, until `end`; how much of that time it has had.
TimeShare::Clock::duration flood(FairTime& fair, TimeShare& share, TimeShare::Clock::time_point& now,
                                 TimeShare::Clock::duration spent, TimeShare::Clock::duration time,
                                 TimeShare* light = nullptr) {
    const auto end = now + time;
    TimeShare::Clock::duration had{0};
    while (now < end) {
        now += spent;
        had += spent;
        const auto rest = fair.charge(share, 1, now, spent);
        now += rest;
        if (light != nullptr) {
            EXPECT_EQ(fair.charge(*light, 2, now, 5us), 0us);
        }
    }
    return had;
}

TEST(TimeShare, IsUsedUpAfterMostAboveTheShare) {
    TimeShare share(kParts);
    auto now = kStart;
    TimeShare::Clock::duration spent{0};
    while (share.rest(now) == 0us) {
        now += 10us;
        spent += 10us;
        share.charge(now, 10us);
    }
    // All the time is its own, of which a quarter was its share.
    EXPECT_NEAR(static_cast<double>(spent.count()), 4.0 / 3.0 * static_cast<double>(TimeShare::kMost.count()),
                0.02 * static_cast<double>(TimeShare::kMost.count()));
    const auto rest = share.rest(now);
    EXPECT_GE(rest, kParts * TimeShare::kTurn);
    EXPECT_EQ(share.rest(now + rest), 0us);
}

TEST(TimeShare, OfWhoKeepsToItIsNeverUsedUp) {
    TimeShare share(kParts);
    auto now = kStart;
    for (int i = 0; i < 100'000; ++i) {
        now += 45us;
        share.charge(now, 10us);
        ASSERT_EQ(share.rest(now), 0us) << i;
    }
}

TEST(TimeShare, IsOverdrawnByOneBucketAtMost) {
    TimeShare share(kParts);
    share.charge(kStart, 1h);
    share.charge(kStart, 1h);
    EXPECT_EQ(share.rest(kStart), kParts * (TimeShare::kMost + TimeShare::kTurn));
}

TEST(FairTime, AloneNobodyRests) {
    FairTime fair;
    TimeShare share(kParts);
    auto now = kStart;
    EXPECT_GE(flood(fair, share, now, 100us, 10s), 10s);
}

TEST(FairTime, AmongItsLikeNobodyRests) {
    FairTime fair;
    TimeShare a(kParts);
    TimeShare b(kParts);
    auto now = kStart;
    for (int i = 0; i < 100'000; ++i) {
        now += 10us;
        const auto rest_of_a = fair.charge(a, 1, now, 10us);
        now += 10us;
        const auto rest_of_b = fair.charge(b, 2, now, 10us);
        if (i > 50'000) {  // both have had too much for more than half a second
            ASSERT_EQ(rest_of_a + rest_of_b, 0us) << i;
        }
    }
}

TEST(FairTime, WhoAsksForMuchHasItsShareWhileOthersAskForLittle) {
    for (const auto spent : {TimeShare::Clock::duration{5us}, TimeShare::Clock::duration{3ms}}) {
        FairTime fair;
        TimeShare heavy(kParts);
        TimeShare light(kParts);
        auto now = kStart;
        flood(fair, heavy, now, spent, 1s);  // alone
        const auto had = flood(fair, heavy, now, spent, 10s, &light);
        EXPECT_NEAR(std::chrono::duration<double>(had).count(), 10.0 / kParts, 0.2) << spent.count();
    }
}

TEST(FairTime, WhoRestedIsFreeAgainSoonAfterTheOthersHaveGone) {
    FairTime fair;
    TimeShare heavy(kParts);
    TimeShare light(kParts);
    auto now = kStart;
    flood(fair, heavy, now, 10us, 1s, &light);
    flood(fair, heavy, now, 10us, 100ms);
    EXPECT_GE(flood(fair, heavy, now, 10us, 1s), 1s);
}

}  // namespace
}  // namespace fastio::test
