#include "service/line_budget.hpp"

#include <gtest/gtest.h>

namespace fastio::test {
namespace {

using namespace std::chrono_literals;
using service::LineBudget;

constexpr LineBudget::Clock::time_point kStart{1h};

TEST(LineBudget, GivesManyAtOnceAndThenOneAtATime) {
    LineBudget lines;
    for (std::int64_t i = 0; i < LineBudget::kAtOnce; ++i) {
        ASSERT_EQ(lines.take(kStart), 0U);
    }
    EXPECT_EQ(lines.take(kStart), std::nullopt);
    EXPECT_EQ(lines.take(kStart + LineBudget::kForEach - 1ns), std::nullopt);
    EXPECT_EQ(lines.take(kStart + LineBudget::kForEach), 2U) << "how many were left out";
    EXPECT_EQ(lines.take(kStart + LineBudget::kForEach), std::nullopt);
    EXPECT_EQ(lines.take(kStart + 2 * LineBudget::kForEach), 1U);
}

TEST(LineBudget, IsAsLargeAsAtFirstAfterAPause) {
    LineBudget lines;
    for (const auto begin : {kStart, kStart + LineBudget::kAtOnce * LineBudget::kForEach, kStart + 24h}) {
        std::int64_t taken = 0;
        while (lines.take(begin)) {
            ++taken;
        }
        EXPECT_EQ(taken, LineBudget::kAtOnce);
    }
}

}  // namespace
}  // namespace fastio::test
