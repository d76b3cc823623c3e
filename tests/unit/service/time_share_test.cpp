#include "service/time_share.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace fastio::test {
namespace {

using namespace std::chrono_literals;
using service::FairTime;
using service::TimeShare;
using service::WorkClock;

constexpr TimeShare::Clock::time_point kStart{1h};
constexpr int kParts = 4;

/// Asks without a pause, `spent` each time, until `end`; how much of that time it has had. A light one asks each
/// `light_each`, as soon as it can.
TimeShare::Clock::duration flood(FairTime& fair, TimeShare& share, TimeShare::Clock::time_point& now,
                                 TimeShare::Clock::duration spent, TimeShare::Clock::duration time,
                                 TimeShare* light = nullptr, TimeShare::Clock::duration light_each = 1ms) {
    const auto end = now + time;
    auto light_asks = now;
    TimeShare::Clock::duration had{0};
    while (now < end) {
        const auto rest = fair.rest(share, 1, now);
        if (rest == 0us) {
            now += spent;
            had += spent;
            fair.charge(share, 1, now, spent);
        }
        // While it rests the light one asks as often as it likes.
        const auto rested = now + rest;
        for (; light != nullptr && light_asks <= rested; light_asks += light_each) {
            now = std::max(now, light_asks);
            EXPECT_EQ(fair.rest(*light, 2, now), 0us);
            fair.charge(*light, 2, now, 5us);
        }
        now = std::max(now, rested);
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

TEST(TimeShare, OfOneRequestNoMoreThanTheLongestCounts) {
    TimeShare share(kParts);
    share.charge(kStart, 1h);
    EXPECT_EQ(share.rest(kStart), kParts * (TimeShare::kLongest - TimeShare::kMost + TimeShare::kTurn));
}

/// A thread that works by its own clock, and is interrupted by the other one's.
struct Worker {
    TimeShare::Clock::time_point now = kStart;
    TimeShare::Clock::duration processor{2s};
    WorkClock clock{};

    TimeShare::Clock::duration request(TimeShare::Clock::duration work, TimeShare::Clock::duration interrupted = 0ms) {
        const auto begin = now;
        now += work + interrupted;
        processor += work;
        return clock.spent(begin, now, [this] { return processor; });
    }
};

TEST(WorkClock, CountsWorkHoweverLong) {
    Worker worker;
    EXPECT_EQ(worker.request(20us), 20us);
    for (const auto work : {TimeShare::Clock::duration{7us}, TimeShare::Clock::duration{9ms},
                            TimeShare::Clock::duration{10ms}, TimeShare::Clock::duration{900ms}}) {
        for (int i = 0; i < 1000; ++i) {
            EXPECT_EQ(worker.request(7us), 7us);
        }
        EXPECT_GE(worker.request(work), work);
        EXPECT_LE(worker.request(work), work + WorkClock::kFresh);
    }
}

TEST(WorkClock, DoesNotCountLongInterruptions) {
    Worker worker;
    static_cast<void>(worker.request(20us));
    for (const auto interrupted :
         {TimeShare::Clock::duration{10ms}, TimeShare::Clock::duration{300ms}, TimeShare::Clock::duration{3h}}) {
        for (int i = 0; i < 1000; ++i) {
            static_cast<void>(worker.request(7us));
        }
        EXPECT_LE(worker.request(20us, interrupted), WorkClock::kFresh + 27us);
    }
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
        if (i > 50'000) {  // both have had too much for more than half a second
            ASSERT_EQ(fair.rest(a, 1, now) + fair.rest(b, 2, now), 0us) << i;
        }
        now += 10us;
        fair.charge(a, 1, now, 10us);
        now += 10us;
        fair.charge(b, 2, now, 10us);
    }
}

TEST(FairTime, WhoAsksForMuchHasItsShareWhileOthersAskForLittle) {
    for (const auto spent : {TimeShare::Clock::duration{5us}, TimeShare::Clock::duration{3ms},
                             TimeShare::Clock::duration{150ms}, TimeShare::Clock::duration{900ms}}) {
        for (const auto light_each : {TimeShare::Clock::duration{1ms}, TimeShare::Clock::duration{90ms}}) {
            FairTime fair;
            TimeShare heavy(kParts);
            TimeShare light(kParts);
            auto now = kStart;
            flood(fair, heavy, now, spent, 1s);                          // alone
            const std::chrono::seconds time = spent < 1ms ? 10s : 100s;  // many short requests, some long ones
            const auto had = flood(fair, heavy, now, spent, time, &light, light_each);
            EXPECT_NEAR(std::chrono::duration<double>(had) / time, 1.0 / kParts, 0.03)
                << spent.count() << " " << light_each.count();
        }
    }
}

// Many sessions of one user, each of which looks at the user's share before it is served.
TEST(FairTime, ManyThatHaveOneShareHaveNoMore) {
    FairTime fair;
    TimeShare of_all(kParts);
    TimeShare light(kParts);
    auto now = kStart;
    std::vector<TimeShare::Clock::time_point> rest_until(64, now);
    TimeShare::Clock::duration had{0};
    while (now < kStart + 20s) {
        bool was_served = false;
        for (auto& until : rest_until) {
            if (until > now) {
                continue;
            }
            if (const auto rest = fair.rest(of_all, 1, now); rest > 0us) {
                until = now + rest;
                continue;
            }
            now += 3ms;
            had += 3ms;
            fair.charge(of_all, 1, now, 3ms);
            was_served = true;
        }
        fair.charge(light, 2, now, 5us);
        now += was_served ? 0us : 100us;
    }
    EXPECT_NEAR(std::chrono::duration<double>(had) / 20s, 1.0 / kParts, 0.02);
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
