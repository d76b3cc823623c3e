#include "device/large_copy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace fastio::test {
namespace {

std::vector<std::uint32_t> counted(std::size_t words) {
    std::vector<std::uint32_t> made(words);
    std::iota(made.begin(), made.end(), 1U);
    return made;
}

class LargeCopy : public testing::TestWithParam<std::uint64_t> {};

TEST_P(LargeCopy, CopiesEveryByteAndNoOther) {
    const std::uint64_t bytes = GetParam();
    const std::vector<std::uint32_t> source = counted(bytes / sizeof(std::uint32_t) + 2);
    const auto* const from = reinterpret_cast<const std::byte*>(source.data());
    std::vector<std::byte> target(bytes + 2, std::byte{0xEE});
    copy_memory(target.data() + 1, from + 3, bytes);
    EXPECT_TRUE(std::equal(from + 3, from + 3 + bytes, target.begin() + 1));
    EXPECT_EQ(target.front(), std::byte{0xEE});
    EXPECT_EQ(target.back(), std::byte{0xEE});
}

INSTANTIATE_TEST_SUITE_P(Sizes, LargeCopy,
                         testing::Values(0, 1, 4095, 8U << 20U, (16U << 20U) - 1, 16U << 20U, (16U << 20U) + 1,
                                         (40U << 20U) + 12'345));

TEST(LargeCopyOverlap, IsAMove) {
    constexpr std::size_t kWords = std::size_t{12} << 20U;
    constexpr std::size_t kShift = 1'000;
    const std::vector<std::uint32_t> source = counted(kWords);
    for (const bool up : {true, false}) {
        std::vector<std::uint32_t> words = source;
        std::uint32_t* const low = words.data();
        std::uint32_t* const high = words.data() + kShift;
        copy_memory(up ? high : low, up ? low : high, (kWords - kShift) * sizeof(std::uint32_t));
        const auto moved = up ? words.begin() + kShift : words.begin();
        EXPECT_TRUE(std::equal(moved, moved + (kWords - kShift), source.begin() + (up ? 0 : kShift)));
    }
}

}  // namespace
}  // namespace fastio::test
