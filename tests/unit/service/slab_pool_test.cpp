#include "service/slab_pool.hpp"

#include <gtest/gtest.h>

namespace fastio::service {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

void add(SlabPool& pool, std::uint32_t index, std::uint64_t bytes) {
    OwnedSlab slab;
    slab.bytes = bytes;
    pool.add({index, 1}, std::move(slab));
}

TEST(SlabPoolTest, GrowsInDoublingSteps) {
    SlabPool pool;
    EXPECT_EQ(pool.growth(1, 100 * kMiB), 2 * kMiB);
    add(pool, 0, 2 * kMiB);
    EXPECT_EQ(pool.growth(1, 100 * kMiB), 4 * kMiB);
    add(pool, 1, 4 * kMiB);
    EXPECT_EQ(pool.growth(1, 100 * kMiB), 8 * kMiB);
}

TEST(SlabPoolTest, ALargeRequestGetsASlabOfItsOwnAndDoesNotChangeTheStep) {
    SlabPool pool;
    EXPECT_EQ(pool.growth(50 * kMiB + 1, 1000 * kMiB), 52 * kMiB);
    add(pool, 0, 52 * kMiB);
    EXPECT_EQ(pool.growth(1, 1000 * kMiB), 2 * kMiB);
}

TEST(SlabPoolTest, AStepStopsAt4GiB) {
    SlabPool pool;
    for (std::uint32_t i = 0; i < 20; ++i) {
        add(pool, i, pool.growth(1, std::uint64_t{1} << 50));
    }
    EXPECT_EQ(pool.growth(1, std::uint64_t{1} << 50), kMaxGrownSlabBytes);
}

TEST(SlabPoolTest, AStepIsCutToWhatThePoolAllows) {
    SlabPool pool;
    add(pool, 0, 2 * kMiB);
    EXPECT_EQ(pool.growth(1, 3 * kMiB), 2 * kMiB);
    EXPECT_EQ(pool.growth(1, 2 * kMiB - 1), 0U);
    EXPECT_EQ(pool.growth(3 * kMiB, 3 * kMiB), 0U);
}

TEST(SlabPoolTest, AllocatesFromSlabsInUseFirst) {
    SlabPool pool;
    add(pool, 0, 2 * kMiB);
    add(pool, 1, 2 * kMiB);
    const auto first = pool.allocate(256, 256);
    ASSERT_TRUE(first);
    const auto second = pool.allocate(2 * kMiB, 256);
    ASSERT_TRUE(second);
    EXPECT_NE(second->slab, first->slab);
    pool.free(*first);
    const auto third = pool.allocate(256, 256);
    ASSERT_TRUE(third);
    pool.free(*second);
    const auto fourth = pool.allocate(256, 256);
    ASSERT_TRUE(fourth);
    EXPECT_EQ(fourth->slab, third->slab);
    EXPECT_EQ(pool.empty_bytes(), 2 * kMiB);
}

TEST(SlabPoolTest, TakesTheSmallestEmptySlabsFirst) {
    SlabPool pool;
    add(pool, 0, 8 * kMiB);
    add(pool, 1, 2 * kMiB);
    add(pool, 2, 4 * kMiB);
    const auto taken = pool.take_empty(1);
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].ref.index, 1U);
    EXPECT_EQ(taken[1].ref.index, 2U);
    EXPECT_EQ(pool.reserved(), 8 * kMiB);
    EXPECT_TRUE(pool.take_empty(1).empty());
    EXPECT_EQ(pool.take_empty(0).size(), 1U);
    EXPECT_TRUE(pool.empty());
}

TEST(SlabPoolTest, ASlabInUseIsNeverTaken) {
    SlabPool pool;
    add(pool, 0, 2 * kMiB);
    const auto block = pool.allocate(256, 256);
    ASSERT_TRUE(block);
    EXPECT_TRUE(pool.take_empty(0).empty());
    EXPECT_EQ(pool.free_bytes(), 2 * kMiB - 256);
    EXPECT_EQ(pool.largest_free_block(), 2 * kMiB - 256);
}

}  // namespace
}  // namespace fastio::service
