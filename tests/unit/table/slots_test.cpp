#include "table/slots.hpp"

#include <gtest/gtest.h>

namespace fastio::table {
namespace {

TEST(Slots, GivesOutTheLongestVacantFirst) {
    Slots slots(100);
    slots.grow(3);
    EXPECT_EQ(slots.take(), 0U);
    EXPECT_EQ(slots.take(), 1U);
    slots.give_back(1);
    slots.give_back(0);
    EXPECT_EQ(slots.take(), 2U);
    EXPECT_EQ(slots.take(), 1U);
    EXPECT_EQ(slots.take(), 0U);
    EXPECT_TRUE(slots.none_vacant());
}

TEST(Slots, CountsAGenerationPerUseFromOne) {
    Slots slots(100);
    slots.grow(1);
    for (std::uint32_t use = 1; use <= 5; ++use) {
        const std::uint32_t index = slots.take();
        EXPECT_EQ(slots.generation(index), use);
        EXPECT_TRUE(slots.in_use(index));
        slots.give_back(index);
        EXPECT_FALSE(slots.in_use(index));
    }
}

TEST(Slots, RetiresANumberWhoseGenerationWouldWrap) {
    Slots slots(3);
    slots.grow(1);
    for (int use = 0; use < 3; ++use) {
        ASSERT_FALSE(slots.none_vacant());
        slots.give_back(slots.take());
    }
    EXPECT_TRUE(slots.none_vacant());
    EXPECT_FALSE(slots.in_use(0));
}

TEST(Slots, KeepsWhatIsInUseWhenItGrows) {
    Slots slots(100);
    slots.grow(1);
    const std::uint32_t first = slots.take();
    slots.grow(2);
    EXPECT_TRUE(slots.in_use(first));
    EXPECT_EQ(slots.take(), 1U);
    EXPECT_EQ(slots.take(), 2U);
    EXPECT_TRUE(slots.none_vacant());
    EXPECT_EQ(slots.size(), 3U);
}

TEST(Slots, StartsVacantAndLaterNumbersAtTheGenerationAskedFor) {
    Slots slots(100);
    slots.grow(2);
    const std::uint32_t used = slots.take();
    slots.start_generations_at(40);
    slots.grow(1);
    EXPECT_EQ(slots.generation(used), 1U);
    EXPECT_EQ(slots.generation(slots.take()), 40U);
    EXPECT_EQ(slots.generation(slots.take()), 40U);
}

}  // namespace
}  // namespace fastio::table
