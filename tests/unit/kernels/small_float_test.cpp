#include "kernels/small_float.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace fastio::gpu {
namespace {

/// Every number that is not negative and not NaN, in order, infinity last; the index is the bits.
template <class Small>
std::vector<double> ascending() {
    std::vector<double> numbers;
    for (std::uint32_t bits = 0; numbers.empty() || std::isfinite(numbers.back()); ++bits) {
        numbers.push_back(Small{static_cast<std::uint16_t>(bits)}.to_double());
    }
    return numbers;
}

/// By search: the neighbours of `value` and the point halfway between them, all of which are exact in double.
std::uint16_t nearest_by_search(const std::vector<double>& numbers, double value) {
    const double size = std::fabs(value);
    const std::size_t above =
        static_cast<std::size_t>(std::lower_bound(numbers.begin(), numbers.end(), size) - numbers.begin());
    std::size_t nearest = above;
    if (above > 0) {
        const double below = numbers[above - 1];
        // Infinity stands where the number after the largest finite one would.
        const bool last = std::isinf(numbers[above]);
        const double next = last ? below + (below - numbers[above - 2]) : numbers[above];
        const double halfway = below + (next - below) / 2;
        if (size < halfway || (size == halfway && (above - 1) % 2 == 0)) {
            nearest = above - 1;
        }
    }
    return static_cast<std::uint16_t>(nearest | (std::signbit(value) ? 0x8000U : 0U));
}

template <class Small>
class SmallFloatTest : public ::testing::Test {
protected:
    void expect_nearest(double value) const {
        ASSERT_EQ(Small::nearest(value).bits, nearest_by_search(numbers_, value)) << std::hexfloat << value;
    }

    const std::vector<double> numbers_ = ascending<Small>();
};

using SmallFloats = ::testing::Types<Float16, BFloat16>;
TYPED_TEST_SUITE(SmallFloatTest, SmallFloats);

TYPED_TEST(SmallFloatTest, GoesToDoubleAndBackUnchanged) {
    for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
        const TypeParam number{static_cast<std::uint16_t>(bits)};
        const double value = number.to_double();
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(TypeParam::nearest(value).to_double())) << bits;
        } else {
            ASSERT_EQ(TypeParam::nearest(value).bits, bits);
        }
    }
}

TYPED_TEST(SmallFloatTest, RoundsEveryMidpointAndItsNeighboursToTheNearestEven) {
    const auto& numbers = this->numbers_;
    for (std::size_t i = 0; i + 2 < numbers.size(); ++i) {
        const double halfway = numbers[i] + (numbers[i + 1] - numbers[i]) / 2;
        for (const double value : {std::nextafter(halfway, 0.0), halfway, std::nextafter(halfway, INFINITY)}) {
            this->expect_nearest(value);
            this->expect_nearest(-value);
        }
    }
}

TYPED_TEST(SmallFloatTest, RoundsAnyDouble) {
    const std::uint64_t seed = 20260111;
    std::mt19937_64 random(seed);
    for (int i = 0; i < 200'000; ++i) {
        const auto value = std::bit_cast<double>(random());
        if (!std::isnan(value)) {
            this->expect_nearest(value);
        }
        // Of the sizes where something happens.
        this->expect_nearest(std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 300) - 200));
    }
}

TYPED_TEST(SmallFloatTest, GoesToInfinityBeyondTheLargestNumberAndToZeroBelowHalfTheSmallest) {
    const auto& numbers = this->numbers_;
    const double largest = numbers[numbers.size() - 2];
    const double step = largest - numbers[numbers.size() - 3];
    EXPECT_EQ(TypeParam::nearest(std::nextafter(largest + step / 2, 0)).to_double(), largest);
    EXPECT_EQ(TypeParam::nearest(largest + step / 2).to_double(), INFINITY);
    EXPECT_EQ(TypeParam::nearest(-std::numeric_limits<double>::max()).to_double(), -INFINITY);
    EXPECT_EQ(TypeParam::nearest(numbers[1] / 2).bits, 0);
    EXPECT_EQ(TypeParam::nearest(std::nextafter(numbers[1] / 2, 1)).bits, 1);
    EXPECT_EQ(TypeParam::nearest(-std::numeric_limits<double>::denorm_min()).bits, 0x8000);
}

TEST(Float16, HasTheLayoutOfIeee754) {
    EXPECT_EQ(Float16::nearest(1.0).bits, 0x3c00);
    EXPECT_EQ(Float16::nearest(-2.0).bits, 0xc000);
    EXPECT_EQ(Float16::nearest(65504.0).bits, 0x7bff);
    EXPECT_EQ(Float16::nearest(std::ldexp(1, -24)).bits, 0x0001);
    EXPECT_EQ(Float16::nearest(0.1).bits, 0x2e66);
}

TEST(BFloat16, IsTheUpperHalfOfAFloat) {
    for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
        const float whole = std::bit_cast<float>(bits << 16);
        const double value = BFloat16{static_cast<std::uint16_t>(bits)}.to_double();
        if (std::isnan(whole)) {
            EXPECT_TRUE(std::isnan(value)) << bits;
        } else {
            ASSERT_EQ(value, static_cast<double>(whole)) << bits;
        }
    }
}

}  // namespace
}  // namespace fastio::gpu
