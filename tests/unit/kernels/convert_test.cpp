#include "kernels/convert.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/convert_value.hpp"
#include "support/errors.hpp"

namespace fastio::gpu {
namespace {

using test::errc_of;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kLowest64 = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest64 = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kHighestU64 = std::numeric_limits<std::uint64_t>::max();

TEST(ConvertValue, CutsFloatsTowardsZero) {
    EXPECT_EQ(convert_value<std::int8_t>(2.9), 2);
    EXPECT_EQ(convert_value<std::int8_t>(-2.9F), -2);
    EXPECT_EQ(convert_value<std::uint16_t>(-0.9), 0);
    EXPECT_EQ(convert_value<std::int32_t>(Float16::nearest(-7.75)), -7);
}

TEST(ConvertValue, SaturatesFloatsAtTheEndsOfIntegers) {
    EXPECT_EQ(convert_value<std::int8_t>(127.99), 127);
    EXPECT_EQ(convert_value<std::int8_t>(128.0), 127);
    EXPECT_EQ(convert_value<std::int8_t>(-128.99), -128);
    EXPECT_EQ(convert_value<std::uint8_t>(-1.0), 0);
    EXPECT_EQ(convert_value<std::uint8_t>(1e300), 255);
    EXPECT_EQ(convert_value<std::int64_t>(0x1p63), kHighest64);
    EXPECT_EQ(convert_value<std::int64_t>(0x1.fffffffffffffp62), 0x7ffffffffffffc00);
    EXPECT_EQ(convert_value<std::int64_t>(-0x1p63), kLowest64);
    EXPECT_EQ(convert_value<std::uint64_t>(0x1.fffffffffffffp63), 0xfffffffffffff800U);
    EXPECT_EQ(convert_value<std::uint64_t>(0x1p64), kHighestU64);
    EXPECT_EQ(convert_value<std::int32_t>(kInfinity), std::numeric_limits<std::int32_t>::max());
    EXPECT_EQ(convert_value<std::int32_t>(-kInfinity), std::numeric_limits<std::int32_t>::min());
    EXPECT_EQ(convert_value<std::uint32_t>(-kInfinity), 0U);
}

TEST(ConvertValue, MakesZeroOfNanAsAnIntegerAndTrueAsABool) {
    EXPECT_EQ(convert_value<std::int8_t>(kNan), 0);
    EXPECT_EQ(convert_value<std::uint64_t>(static_cast<float>(kNan)), 0U);
    EXPECT_EQ(convert_value<Boolean>(kNan).byte, 1);
    EXPECT_TRUE(std::isnan(convert_value<float>(Float16::nearest(kNan))));
    EXPECT_TRUE(std::isnan(convert_value<BFloat16>(kNan).to_double()));
}

TEST(ConvertValue, SaturatesIntegersAcrossSignsAndWidths) {
    EXPECT_EQ(convert_value<std::uint8_t>(std::int8_t{-1}), 0);
    EXPECT_EQ(convert_value<std::int8_t>(std::uint8_t{200}), 127);
    EXPECT_EQ(convert_value<std::int64_t>(kHighestU64), kHighest64);
    EXPECT_EQ(convert_value<std::uint64_t>(kLowest64), 0U);
    EXPECT_EQ(convert_value<std::int16_t>(kLowest64), -32768);
    EXPECT_EQ(convert_value<std::int32_t>(std::int64_t{1} << 40), std::numeric_limits<std::int32_t>::max());
    EXPECT_EQ(convert_value<std::uint32_t>(std::int16_t{-5}), 0U);
    EXPECT_EQ(convert_value<std::int64_t>(std::int8_t{-5}), -5);
}

TEST(ConvertValue, TakesEveryByteButZeroForTrue) {
    EXPECT_EQ(convert_value<float>(Boolean{2}), 1.0F);
    EXPECT_EQ(convert_value<std::int8_t>(Boolean{0}), 0);
    EXPECT_EQ(convert_value<Boolean>(Boolean{255}).byte, 1);
    EXPECT_EQ(convert_value<Boolean>(-0.0).byte, 0);
    EXPECT_EQ(convert_value<Boolean>(std::numeric_limits<float>::denorm_min()).byte, 1);
    EXPECT_EQ(convert_value<Boolean>(kLowest64).byte, 1);
}

TEST(ConvertValue, RoundsFloatsToNearestEvenAndToInfinity) {
    EXPECT_EQ(convert_value<float>(1.0 + 0x1p-24), 1.0F);
    EXPECT_EQ(convert_value<float>(1.0 + 0x3p-24), 1.0F + 0x1p-22F);
    EXPECT_EQ(convert_value<float>(1e300), std::numeric_limits<float>::infinity());
    EXPECT_EQ(convert_value<Float16>(-65520.0F).to_double(), -kInfinity);
    EXPECT_EQ(convert_value<float>(std::int32_t{16'777'217}), 16'777'216.0F);
    EXPECT_EQ(convert_value<double>(kHighestU64), 0x1p64);
}

TEST(ConvertValue, RoundsIntegersToSixteenBitsOnce) {
    EXPECT_EQ(convert_value<Float16>(std::int64_t{65519}).to_double(), 65504.0);
    EXPECT_EQ(convert_value<Float16>(std::int64_t{65520}).to_double(), kInfinity);
    // Halfway between two numbers of 8 bits, and a little more, which a double cannot hold.
    const std::uint64_t halfway = (std::uint64_t{1} << 62) + (std::uint64_t{1} << 54);
    EXPECT_EQ(convert_value<BFloat16>(halfway).to_double(), 0x1p62);
    EXPECT_EQ(convert_value<BFloat16>(halfway + 1).to_double(), 0x1.02p62);
    EXPECT_EQ(convert_value<BFloat16>(-static_cast<std::int64_t>(halfway + 1)).to_double(), -0x1.02p62);
    EXPECT_EQ(convert_value<BFloat16>(kHighestU64).to_double(), 0x1p64);
    EXPECT_EQ(convert_value<BFloat16>(kLowest64).to_double(), -0x1p63);
}

TEST(Convert, KeepsWhatBothTypesCanHold) {
    const std::vector<DataType> types{bool_,  int8,   int16,   int32,    int64,   uint8,  uint16,
                                      uint32, uint64, float16, bfloat16, float32, float64};
    const std::vector<std::uint8_t> small{0, 1, 1, 0, 1};
    for (const DataType from : types) {
        for (const DataType to : types) {
            alignas(8) unsigned char a[5 * 8]{};
            alignas(8) unsigned char b[5 * 8]{};
            std::vector<std::uint8_t> back(small.size());
            convert_on_host(a, from, small.data(), uint8, small.size());
            convert_on_host(b, to, a, from, small.size());
            convert_on_host(back.data(), uint8, b, to, small.size());
            EXPECT_EQ(back, small) << to_string(from) << " to " << to_string(to);
        }
    }
}

TEST(Convert, ConvertsLaneByLaneAndNoFurther) {
    const std::vector<float> from{1.5F, -2.5F, 300.0F, 4.0F, 5.0F, 6.0F};
    std::vector<std::int8_t> to(7, 99);
    convert_on_host(to.data(), {TypeCode::integer, 8, 3}, from.data(), {TypeCode::floating, 32, 3}, 2);
    EXPECT_EQ(to, (std::vector<std::int8_t>{1, -2, 127, 4, 5, 6, 99}));
}

TEST(Convert, RefusesWhatItDoesNotKnow) {
    alignas(16) unsigned char a[64]{};
    alignas(16) unsigned char b[64]{};
    EXPECT_EQ(errc_of([&] { convert_on_host(a, complex64, b, float32, 1); }), Errc::unsupported);
    EXPECT_EQ(errc_of([&] { convert_on_host(a, float32, b, float8_e5m2, 1); }), Errc::unsupported);
    EXPECT_EQ(errc_of([&] { convert_on_host(a, {TypeCode::integer, 12, 1}, b, int8, 1); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { convert_on_host(a, {TypeCode::integer, 8, 2}, b, int8, 1); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { convert_on_host(a + 1, float32, b, int8, 1); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { convert_on_host(a, int8, b + 2, float64, 1); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { convert_on_host(nullptr, int8, b, int8, 1); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { convert_on_host(a, int8, nullptr, int8, 1); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { convert_on_host(a, int8, b, int64, std::uint64_t{1} << 60); }), Errc::invalid_argument);
    convert_on_host(nullptr, int8, nullptr, int8, 0);
}

}  // namespace
}  // namespace fastio::gpu
