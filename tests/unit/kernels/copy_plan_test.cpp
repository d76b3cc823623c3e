#include "kernels/copy_plan.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fastio::gpu {
namespace {

const void* address(std::uintptr_t value) {
    return reinterpret_cast<const void*>(value);
}

CopyPlan plan_of(const std::vector<CopyAxis>& axes, std::size_t element_bytes, std::uintptr_t to = 256,
                 std::uintptr_t from = 256) {
    return plan_copy(axes.data(), axes.size(), element_bytes, address(to), address(from));
}

TEST(CopyPlan, JoinsADenseArrayIntoOneRunOfWideWords) {
    const CopyPlan plan = plan_of({{4, 240, 240}, {5, 48, 48}, {12, 4, 4}}, 4);
    EXPECT_EQ(plan.rank, 1U);
    EXPECT_EQ(plan.word_bytes, 16U);
    EXPECT_EQ(plan.words, 60U);
    EXPECT_EQ(plan.axes[0], (CopyAxis{60, 16, 16}));
    EXPECT_EQ(plan.across, CopyPlan::kNone);
}

TEST(CopyPlan, JoinsTwoArraysThatBothLieInFortranOrder) {
    const CopyPlan plan = plan_of({{3, 4, 4}, {5, 12, 12}}, 4);
    EXPECT_EQ(plan.rank, 1U);
    EXPECT_EQ(plan.words * plan.word_bytes, 60U);
}

TEST(CopyPlan, NarrowsWordsToWhatAddressesAndStepsAllow) {
    EXPECT_EQ(plan_of({{64, 1, 1}}, 1).word_bytes, 16U);
    EXPECT_EQ(plan_of({{64, 1, 1}}, 1, 8).word_bytes, 8U);
    EXPECT_EQ(plan_of({{64, 1, 1}}, 1, 256, 260).word_bytes, 4U);
    EXPECT_EQ(plan_of({{62, 1, 1}}, 1).word_bytes, 2U);
    EXPECT_EQ(plan_of({{3, 32, 34}, {32, 1, 1}}, 1).word_bytes, 2U);
    EXPECT_EQ(plan_of({{3, 32, -33}, {32, 1, 1}}, 1).word_bytes, 1U);
}

TEST(CopyPlan, TurnsATranspositionInTiles) {
    const CopyPlan plan = plan_of({{100, 4 * 200, 4}, {200, 4, 4 * 100}}, 4);
    EXPECT_EQ(plan.word_bytes, 4U);
    ASSERT_EQ(plan.rank, 2U);
    EXPECT_EQ(plan.axes[1], (CopyAxis{200, 4, 400})) << "the last axis is dense in what is written";
    EXPECT_EQ(plan.across, 0U);
}

TEST(CopyPlan, TakesNoTilesThatWouldBeMostlyEmpty) {
    EXPECT_EQ(plan_of({{3, 4 * 200, 4}, {200, 4, 4 * 3}}, 4).across, CopyPlan::kNone);
    EXPECT_EQ(plan_of({{100, 4 * 3, 4}, {3, 4, 4 * 100}}, 4).across, CopyPlan::kNone);
}

TEST(CopyPlan, ReadsAStepThatIsDenseEnoughDirectly) {
    EXPECT_EQ(plan_of({{3, 100, 1}, {100, 1, 3}}, 1).across, CopyPlan::kNone) << "colours from between each other";
}

TEST(CopyPlan, OfOneElementHasNoAxis) {
    const CopyPlan plan = plan_of({}, 8);
    EXPECT_EQ(plan.rank, 0U);
    EXPECT_EQ(plan.words, 1U);
    EXPECT_EQ(plan.word_bytes, 8U);
}

TEST(CopyPlan, OfNothingHasNoWords) {
    EXPECT_EQ(plan_of({{3, 0, 4}, {0, 4, 4}}, 4).words, 0U);
}

}  // namespace
}  // namespace fastio::gpu
