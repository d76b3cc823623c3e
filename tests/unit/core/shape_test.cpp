#include "core/shape.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "errc_of.hpp"

namespace fastio {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

Shape shape_of(const std::vector<std::int64_t>& dimensions) {
    return make_shape(dimensions);
}

TEST(MakeShape, CopiesTheDimensionsInOrder) {
    const Shape shape = shape_of({3, 224, 0, 1});
    EXPECT_EQ(shape.rank, 4U);
    EXPECT_EQ(std::vector<std::int64_t>(shape.span().begin(), shape.span().end()),
              (std::vector<std::int64_t>{3, 224, 0, 1}));
}

TEST(MakeShape, TakesEightDimensionsAndRefusesNine) {
    EXPECT_EQ(shape_of(std::vector<std::int64_t>(8, 2)).rank, 8U);
    EXPECT_EQ(errc_of([] { (void)shape_of(std::vector<std::int64_t>(9, 1)); }), Errc::invalid_argument);
}

TEST(MakeShape, RefusesANegativeDimensionAnywhere) {
    for (std::size_t i = 0; i < 8; ++i) {
        std::vector<std::int64_t> dimensions(8, 1);
        dimensions[i] = -1;
        EXPECT_EQ(errc_of([&] { (void)make_shape(dimensions); }), Errc::invalid_argument) << i;
    }
    EXPECT_EQ(errc_of([] { (void)shape_of({std::numeric_limits<std::int64_t>::min()}); }), Errc::invalid_argument);
}

TEST(MakeShape, ComparesByRankAndExtents) {
    EXPECT_EQ(shape_of({2, 3}), shape_of({2, 3}));
    EXPECT_NE(shape_of({2, 3}), shape_of({3, 2}));
    EXPECT_NE(shape_of({}), shape_of({0}));
}

TEST(MakeShape, ErrorShowsTheDimensions) {
    EXPECT_NE(message_of([] { (void)shape_of({4, -7}); }).find("[4, -7]"), std::string::npos);
}

TEST(ElementCount, OfAScalarIsOne) {
    EXPECT_EQ(element_count(shape_of({})), 1U);
}

TEST(ElementCount, IsTheProduct) {
    EXPECT_EQ(element_count(shape_of({256, 512, 512})), 67'108'864U);
    EXPECT_EQ(element_count(shape_of({kMost})), static_cast<std::uint64_t>(kMost));
    EXPECT_EQ(element_count(shape_of({kMost, 1, 1})), static_cast<std::uint64_t>(kMost));
}

TEST(ElementCount, IsZeroAsSoonAsOneExtentIs) {
    EXPECT_EQ(element_count(shape_of({0})), 0U);
    EXPECT_EQ(element_count(shape_of({5, 0, 7})), 0U);
    EXPECT_EQ(element_count(shape_of({kMost, 0})), 0U);
}

TEST(ElementCount, RefusesProductsOver63Bits) {
    const std::int64_t half = std::int64_t{1} << 32;
    EXPECT_EQ(element_count(shape_of({half, half / 4})), std::uint64_t{1} << 62);
    EXPECT_EQ(errc_of([&] { (void)element_count(shape_of({half, half / 2})); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { (void)element_count(shape_of({half, half})); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([] { (void)element_count(shape_of({kMost, 2})); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([] { (void)element_count(shape_of(std::vector<std::int64_t>(8, kMost))); }),
              Errc::invalid_argument);
}

TEST(ElementCount, RefusesAnEmptyArrayWithAbsurdExtents) {
    EXPECT_EQ(errc_of([] { (void)element_count(shape_of({0, kMost, 2})); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([] { (void)element_count(shape_of({kMost, 2, 0})); }), Errc::invalid_argument);
}

TEST(ElementCount, RefusesAShapeThatNobodyChecked) {
    Shape shape;
    shape.rank = 9;
    EXPECT_EQ(errc_of([&] { (void)element_count(shape); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { (void)size_bytes(uint8, shape); }), Errc::invalid_argument);
    shape.rank = 2;
    shape.extents = {4, -4};
    EXPECT_EQ(errc_of([&] { (void)element_count(shape); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { (void)size_bytes(uint8, shape); }), Errc::invalid_argument);
}

TEST(SizeBytes, MultipliesElementsAndLanes) {
    EXPECT_EQ(size_bytes(float32, shape_of({256, 512, 512})), 268'435'456U);
    EXPECT_EQ(size_bytes({TypeCode::floating, 32, 3}, shape_of({10})), 120U);
    EXPECT_EQ(size_bytes(complex128, shape_of({})), 16U);
    EXPECT_EQ(size_bytes(float64, shape_of({4, 0})), 0U);
}

TEST(SizeBytes, RefusesWhatFitsInElementsButNotInBytes) {
    EXPECT_EQ(size_bytes(uint8, shape_of({kMost})), static_cast<std::uint64_t>(kMost));
    EXPECT_EQ(errc_of([] { (void)size_bytes(uint16, shape_of({kMost})); }), Errc::invalid_argument);
    EXPECT_EQ(size_bytes(uint16, shape_of({kMost / 2})), static_cast<std::uint64_t>(kMost - 1));
    EXPECT_EQ(errc_of([] { (void)size_bytes(uint16, shape_of({0, kMost})); }), Errc::invalid_argument);
}

TEST(Fits, IsTrueWhereSizeBytesIsNoMore) {
    EXPECT_TRUE(fits(float32, shape_of({2, 3}), 24));
    EXPECT_FALSE(fits(float32, shape_of({2, 3}), 23));
    EXPECT_TRUE(fits(complex128, shape_of({}), 16));
    EXPECT_FALSE(fits(complex128, shape_of({}), 15));
    EXPECT_TRUE(fits(float64, shape_of({4, 0}), 0));
    EXPECT_TRUE(fits({TypeCode::floating, 32, 3}, shape_of({10}), 120));
    EXPECT_FALSE(fits({TypeCode::floating, 32, 3}, shape_of({10}), 119));
}

TEST(Fits, IsFalseForWhatSizeBytesRefuses) {
    constexpr std::uint64_t most = ~std::uint64_t{0};
    EXPECT_TRUE(fits(uint8, shape_of({kMost}), kMost));
    EXPECT_FALSE(fits(uint16, shape_of({kMost}), most));
    EXPECT_FALSE(fits(uint16, shape_of({0, kMost}), most));
    EXPECT_FALSE(fits({TypeCode::integer, 12, 1}, shape_of({4}), most));
    EXPECT_FALSE(fits({TypeCode::integer, 8, 0}, shape_of({4}), most));
    Shape negative;
    negative.rank = 2;
    negative.extents = {-4, -4};
    EXPECT_FALSE(fits(uint8, negative, most));
    Shape long_one;
    long_one.rank = 9;
    EXPECT_FALSE(fits(uint8, long_one, most));
}

TEST(SizeBytes, RefusesAnInvalidType) {
    EXPECT_EQ(errc_of([] { (void)size_bytes({TypeCode::integer, 12, 1}, shape_of({4})); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([] { (void)size_bytes({TypeCode::integer, 8, 0}, shape_of({4})); }), Errc::invalid_argument);
}

}  // namespace
}  // namespace fastio
