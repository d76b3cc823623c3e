#include "core/sub_allocator.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <type_traits>
#include <utility>

#include "errc_of.hpp"

namespace fastio {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;

static_assert(!std::is_copy_constructible_v<SubAllocator> && std::is_nothrow_move_constructible_v<SubAllocator>);
static_assert(!std::is_copy_assignable_v<SubAllocator> && std::is_nothrow_move_assignable_v<SubAllocator>);

Block must_allocate(SubAllocator& slab, std::uint64_t size, std::uint64_t alignment = kMinAlignment) {
    const auto block = slab.allocate(size, alignment);
    EXPECT_TRUE(block.has_value()) << size << " bytes at " << alignment;
    return block.value_or(Block{});
}

void expect_whole(const SubAllocator& slab) {
    const SubAllocatorStats stats = slab.stats();
    EXPECT_TRUE(slab.empty());
    EXPECT_EQ(stats.used, 0U);
    EXPECT_EQ(stats.blocks, 0U);
    EXPECT_EQ(stats.free_blocks, 1U);
    EXPECT_EQ(stats.largest_free_block, slab.capacity());
}

class Capacity : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Capacity, IsGivenOutInOnePiece) {
    SubAllocator slab(GetParam());
    expect_whole(slab);
    const Block all = must_allocate(slab, GetParam());
    EXPECT_EQ(all.offset, 0U);
    EXPECT_EQ(all.size, GetParam());
    EXPECT_FALSE(slab.empty());
    EXPECT_EQ(slab.largest_free_block(), 0U);
    EXPECT_EQ(slab.stats().free_blocks, 0U);
    EXPECT_EQ(slab.allocate(1), std::nullopt);
    slab.free(all);
    expect_whole(slab);
}

TEST_P(Capacity, IsGivenOutInOnePieceAgainAfterItWasDivided) {
    SubAllocator slab(GetParam());
    std::vector<Block> blocks;
    while (const auto block = slab.allocate(GetParam() / 7 + 1)) {
        blocks.push_back(*block);
    }
    for (const std::size_t i : {1U, 3U, 5U, 0U, 2U, 4U, 6U}) {
        if (i < blocks.size()) {
            slab.free(blocks[i]);
        }
    }
    expect_whole(slab);
    must_allocate(slab, GetParam());
}

TEST_P(Capacity, RefusesMoreThanItself) {
    SubAllocator slab(GetParam());
    EXPECT_EQ(slab.allocate(GetParam() + 1), std::nullopt);
    EXPECT_EQ(slab.allocate(std::numeric_limits<std::uint64_t>::max()), std::nullopt);
    EXPECT_EQ(slab.allocate(std::numeric_limits<std::uint64_t>::max() - 254, kMaxAlignment), std::nullopt);
    expect_whole(slab);
}

// Odd numbers of units lie inside their classes, where a request rounded up to the next class would not fit.
INSTANTIATE_TEST_SUITE_P(Sizes, Capacity,
                         testing::Values(256, 512, 31 * 256, 33 * 256, 2 * kMiB, 6 * kMiB, 4 * kGiB, 100 * kGiB - 256,
                                         100 * kGiB + 1'234'567 * 256, std::uint64_t{1} << 40,
                                         (std::uint64_t{1} << 63) - 256));

TEST(SubAllocator, RefusesCapacitiesThatCannotBeDivided) {
    for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{255}, std::uint64_t{257}, 2 * kMiB + 1,
                                    std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
        EXPECT_EQ(errc_of([&] { SubAllocator slab(bad); }), Errc::invalid_argument) << bad;
    }
}

TEST(SubAllocator, RefusesZeroBytes) {
    SubAllocator slab(2 * kMiB);
    EXPECT_EQ(errc_of([&] { (void)slab.allocate(0); }), Errc::invalid_argument);
    expect_whole(slab);
}

TEST(SubAllocator, RefusesAlignmentsOutsideItsRange) {
    SubAllocator slab(8 * kMiB);
    for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{128}, std::uint64_t{257},
                                    std::uint64_t{768}, 3 * kMiB, 4 * kMiB, std::uint64_t{1} << 63}) {
        EXPECT_EQ(errc_of([&] { (void)slab.allocate(256, bad); }), Errc::invalid_argument) << bad;
    }
    expect_whole(slab);
}

TEST(SubAllocator, RoundsSizesUpTo256Bytes) {
    SubAllocator slab(2 * kMiB);
    EXPECT_EQ(must_allocate(slab, 1).size, 256U);
    EXPECT_EQ(must_allocate(slab, 256).size, 256U);
    EXPECT_EQ(must_allocate(slab, 257).size, 512U);
    EXPECT_EQ(slab.stats().used, 1024U);
    EXPECT_EQ(slab.stats().blocks, 3U);
}

class Alignment : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Alignment, IsKeptWhereverTheFreeBlockStarts) {
    for (std::uint64_t lead = 256; lead <= 4096; lead += 256) {
        SubAllocator slab(8 * kMiB);
        const Block front = must_allocate(slab, lead);
        const Block block = must_allocate(slab, 1000, GetParam());
        EXPECT_EQ(block.offset % GetParam(), 0U);
        EXPECT_GE(block.offset, lead);
        EXPECT_EQ(slab.stats().used, lead + 1024);
        slab.free(front);
        slab.free(block);
        expect_whole(slab);
    }
}

TEST_P(Alignment, PaddingStaysFreeAndUsable) {
    SubAllocator slab(8 * kMiB);
    const Block front = must_allocate(slab, 256);
    const Block aligned = must_allocate(slab, 256, GetParam());
    const std::uint64_t padding = aligned.offset - 256;
    EXPECT_EQ(padding, GetParam() - 256);
    if (padding != 0) {
        const Block between = must_allocate(slab, padding);
        EXPECT_EQ(between.offset, 256U);
        slab.free(between);
    }
    slab.free(aligned);
    slab.free(front);
    expect_whole(slab);
}

TEST_P(Alignment, TakesABlockThatFitsExactlyAndRefusesOneThatIsMisplaced) {
    SubAllocator slab(2 * GetParam());
    const Block first = must_allocate(slab, GetParam());
    const Block second = must_allocate(slab, GetParam());
    slab.free(second);
    const Block again = must_allocate(slab, GetParam(), GetParam());
    EXPECT_EQ(again.offset, GetParam());
    slab.free(again);
    slab.free(first);
    must_allocate(slab, 256);
    EXPECT_EQ(slab.allocate(GetParam() + 256, GetParam()), std::nullopt);
    EXPECT_EQ(must_allocate(slab, GetParam(), GetParam()).offset, GetParam());
}

INSTANTIATE_TEST_SUITE_P(PowersOfTwo, Alignment, testing::Values(256, 512, 1024, 4096, 64 * kKiB, kMiB, 2 * kMiB));

TEST(SubAllocator, FindsTheOneFittingBlockBehindManyThatAreTooSmall) {
    // All free blocks are in one class, longer than the search looks before it gives up on the class; only the first
    // that was freed, so the last in the list, can hold the request.
    constexpr std::uint64_t kSmall = 1024 * 256;
    constexpr std::uint64_t kFitting = kSmall + 16 * 256;
    ASSERT_EQ(class_of(kSmall), class_of(kFitting));
    SubAllocator slab(kFitting + 256 + 100 * (kSmall + 256));
    std::vector<Block> holes = {must_allocate(slab, kFitting)};
    must_allocate(slab, 256);
    for (int i = 0; i < 100; ++i) {
        holes.push_back(must_allocate(slab, kSmall));
        must_allocate(slab, 256);
    }
    ASSERT_EQ(slab.largest_free_block(), 0U);
    for (const Block& hole : holes) {
        slab.free(hole);
    }
    EXPECT_EQ(slab.largest_free_block(), kFitting);
    EXPECT_EQ(slab.allocate(kFitting + 256), std::nullopt);
    EXPECT_EQ(must_allocate(slab, kFitting).offset, 0U);
    EXPECT_EQ(slab.largest_free_block(), kSmall);
}

TEST(SubAllocator, FindsTheOneAlignedBlockBehindManyThatAreMisplaced) {
    constexpr std::uint64_t kHole = 64 * kKiB;
    constexpr std::uint64_t kStep = 2 * kHole;
    SubAllocator slab(kStep + 60 * kStep);
    std::vector<Block> holes = {must_allocate(slab, kHole)};
    must_allocate(slab, kHole + 256);  // from here on every hole starts 256 bytes behind a multiple of 64 KiB
    for (int i = 0; i < 59; ++i) {
        holes.push_back(must_allocate(slab, kHole));
        must_allocate(slab, kHole);
    }
    while (slab.largest_free_block() != 0) {
        must_allocate(slab, slab.largest_free_block());
    }
    for (const Block& hole : holes) {
        slab.free(hole);
    }
    EXPECT_EQ(must_allocate(slab, kHole, kHole).offset, 0U);
    EXPECT_EQ(slab.allocate(kHole, kHole), std::nullopt);
    EXPECT_EQ(slab.stats().free_blocks, 59U);
}

TEST(SubAllocator, PrefersTheHoleThatFitsToALargerOne) {
    SubAllocator slab(64 * kMiB);
    const Block large = must_allocate(slab, 3 * kMiB);
    must_allocate(slab, 256);
    const Block fitting = must_allocate(slab, 2 * kMiB);
    must_allocate(slab, 256);
    slab.free(fitting);
    slab.free(large);
    EXPECT_EQ(must_allocate(slab, 2 * kMiB).offset, fitting.offset);
}

TEST(SubAllocator, PrefersTheTighterOfTwoHolesOfOneClass) {
    constexpr std::uint64_t kTight = 1024 * 256;
    constexpr std::uint64_t kLoose = kTight + 16 * 256;
    ASSERT_EQ(class_of(kTight), class_of(kLoose));
    for (const bool tight_first : {false, true}) {
        SubAllocator slab(64 * kMiB);
        const Block tight = must_allocate(slab, kTight);
        must_allocate(slab, 256);
        const Block loose = must_allocate(slab, kLoose);
        must_allocate(slab, 256);
        slab.free(tight_first ? tight : loose);
        slab.free(tight_first ? loose : tight);
        EXPECT_EQ(must_allocate(slab, kTight).offset, tight.offset);
    }
}

TEST(SubAllocator, JoinsAFreedBlockWithNeitherEitherOrBothNeighbours) {
    SubAllocator slab(5 * kMiB);
    std::vector<Block> blocks;
    for (int i = 0; i < 5; ++i) {
        blocks.push_back(must_allocate(slab, kMiB));
    }
    slab.free(blocks[0]);
    EXPECT_EQ(slab.stats().free_blocks, 1U);
    slab.free(blocks[2]);
    EXPECT_EQ(slab.stats().free_blocks, 2U);
    EXPECT_EQ(slab.largest_free_block(), kMiB);
    slab.free(blocks[3]);  // with the one before
    EXPECT_EQ(slab.stats().free_blocks, 2U);
    EXPECT_EQ(slab.largest_free_block(), 2 * kMiB);
    slab.free(blocks[1]);  // with both
    EXPECT_EQ(slab.stats().free_blocks, 1U);
    EXPECT_EQ(slab.largest_free_block(), 4 * kMiB);
    slab.free(blocks[4]);
    expect_whole(slab);
}

TEST(SubAllocator, JoinsWithTheBlockBehind) {
    SubAllocator slab(3 * kMiB);
    const Block a = must_allocate(slab, kMiB);
    const Block b = must_allocate(slab, kMiB);
    must_allocate(slab, kMiB);
    slab.free(b);
    slab.free(a);
    EXPECT_EQ(slab.stats().free_blocks, 1U);
    EXPECT_EQ(must_allocate(slab, 2 * kMiB).offset, 0U);
}

class ForeignBlock : public testing::Test {
protected:
    void expect_refused(const Block& block) {
        const SubAllocatorStats before = slab_.stats();
        EXPECT_EQ(errc_of([&] { slab_.free(block); }), Errc::invalid_argument);
        EXPECT_EQ(slab_.stats().used, before.used);
        EXPECT_EQ(slab_.stats().blocks, before.blocks);
        EXPECT_EQ(slab_.stats().free_blocks, before.free_blocks);
    }
    SubAllocator slab_{8 * kMiB};
};

TEST_F(ForeignBlock, FreedTwiceIsRefused) {
    const Block block = must_allocate(slab_, kMiB);
    must_allocate(slab_, kMiB);
    slab_.free(block);
    expect_refused(block);
}

TEST_F(ForeignBlock, FreedTwiceIsRefusedAfterItJoinedANeighbour) {
    const Block a = must_allocate(slab_, kMiB);
    const Block b = must_allocate(slab_, kMiB);
    must_allocate(slab_, kMiB);
    slab_.free(a);
    slab_.free(b);
    expect_refused(a);
    expect_refused(b);
}

TEST_F(ForeignBlock, WithAnotherOffsetSizeOrNodeIsRefused) {
    const Block block = must_allocate(slab_, kMiB);
    const Block other = must_allocate(slab_, 2 * kMiB);
    expect_refused({block.offset + 256, block.size, block.node});
    expect_refused({block.offset, block.size + 256, block.node});
    expect_refused({block.offset, block.size, other.node});
    for (const std::uint32_t node : {1'000U, 0xFFFF'FFFDU, 0xFFFF'FFFEU, 0xFFFF'FFFFU}) {
        expect_refused({block.offset, block.size, node});
    }
    slab_.free(block);
    slab_.free(other);
    expect_whole(slab_);
}

TEST_F(ForeignBlock, OfFreeSpaceIsRefused) {
    for (std::uint32_t node = 0; node < 4; ++node) {
        expect_refused({0, 8 * kMiB, node});
    }
}

TEST_F(ForeignBlock, ErrorShowsTheNumbers) {
    const std::string message = message_of([&] { slab_.free({4096, 512, 77}); });
    EXPECT_NE(message.find("4096"), std::string::npos);
    EXPECT_NE(message.find("512"), std::string::npos);
    EXPECT_NE(message.find("77"), std::string::npos);
}

TEST(SubAllocator, KeepsItsBlocksWhenMoved) {
    SubAllocator first(8 * kMiB);
    const Block a = must_allocate(first, kMiB);
    SubAllocator second = std::move(first);
    const Block b = must_allocate(second, kMiB);
    EXPECT_NE(a.offset, b.offset);
    SubAllocator third(256);
    third = std::move(second);
    EXPECT_EQ(third.capacity(), 8 * kMiB);
    third.free(a);
    third.free(b);
    expect_whole(third);
}

TEST(SubAllocator, GivesEveryGranuleOfASlab) {
    SubAllocator slab(2 * kMiB);
    std::vector<Block> blocks;
    while (const auto block = slab.allocate(1)) {
        blocks.push_back(*block);
    }
    EXPECT_EQ(blocks.size(), 2 * kMiB / 256);
    EXPECT_EQ(slab.stats().used, 2 * kMiB);
    for (std::size_t i = 0; i < blocks.size(); i += 2) {
        slab.free(blocks[i]);
    }
    EXPECT_EQ(slab.stats().free_blocks, blocks.size() / 2);
    EXPECT_EQ(slab.largest_free_block(), 256U);
    EXPECT_EQ(slab.allocate(257), std::nullopt);
    for (std::size_t i = 1; i < blocks.size(); i += 2) {
        slab.free(blocks[i]);
    }
    expect_whole(slab);
}

}  // namespace
}  // namespace fastio
