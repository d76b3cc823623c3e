#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using ArrayTest = ClientTest;

template <class T>
std::vector<T> elements(const Allocation& allocation) {
    const auto span = allocation.as_span<const T>();
    return {span.begin(), span.end()};
}

TEST_F(ArrayTest, COrderArrivesAsItIs) {
    std::vector<float> values(24);
    std::iota(values.begin(), values.end(), 0.0F);
    ctx.publish_array({.data = values.data(), .type = float32, .dimensions = {2, 3, 4}}, "a",
                      {.attributes = {{"k", "v"}}});
    const Allocation a = other.get("a");
    EXPECT_EQ(elements<float>(a), values);
    EXPECT_EQ(a.dimensions().size(), 3U);
    EXPECT_EQ(a.attributes().at("k"), "v");
    EXPECT_EQ(ctx.stats().own_leases, 0U);
}

TEST_F(ArrayTest, FortranOrderIsConverted) {
    const std::vector<std::int32_t> columns{0, 3, 1, 4, 2, 5};  // of {{0, 1, 2}, {3, 4, 5}}
    ctx.publish_array({.data = columns.data(), .type = int32, .dimensions = {2, 3}, .strides = {4, 8}}, "a");
    EXPECT_EQ(elements<std::int32_t>(other.get("a")), (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5}));
}

TEST_F(ArrayTest, NegativeStridesReverse) {
    const std::vector<std::int16_t> values{1, 2, 3, 4};
    ctx.publish_array({.data = values.data() + 3, .type = int16, .dimensions = {4}, .strides = {-2}}, "a");
    EXPECT_EQ(elements<std::int16_t>(other.get("a")), (std::vector<std::int16_t>{4, 3, 2, 1}));
}

TEST_F(ArrayTest, AStrideOfZeroRepeats) {
    const std::vector<std::uint8_t> row{7, 8};
    ctx.publish_array({.data = row.data(), .type = uint8, .dimensions = {3, 2}, .strides = {0, 1}}, "a");
    EXPECT_EQ(elements<std::uint8_t>(other.get("a")), (std::vector<std::uint8_t>{7, 8, 7, 8, 7, 8}));
}

TEST_F(ArrayTest, AScalarAndAnEmptyArrayWork) {
    const double pi = 3.25;
    ctx.publish_array({.data = &pi, .type = float64}, "scalar");
    EXPECT_EQ(elements<double>(other.get("scalar")), std::vector<double>{3.25});
    ctx.publish_array({.data = nullptr, .type = float64, .dimensions = {5, 0}}, "empty");
    EXPECT_EQ(other.get("empty").count(), 0U);
}

// Every stride pattern against the obvious loop.
TEST_F(ArrayTest, AnyStridesGiveWhatIndexingGives) {
    constexpr unsigned kSeed = 20240611;
    SCOPED_TRACE(testing::Message() << "seed " << kSeed);
    std::mt19937 random(kSeed);
    const std::vector<DataType> types{uint8, int16, float32, complex64, complex128, {TypeCode::floating, 32, 3}};
    for (int round = 0; round < 300; ++round) {
        const DataType type = types[random() % types.size()];
        const auto bytes = static_cast<std::int64_t>(type.size_bytes());
        const std::size_t rank = random() % 5;
        std::vector<std::int64_t> dimensions(rank);
        std::vector<std::int64_t> strides(rank);
        std::int64_t low = 0;
        std::int64_t high = bytes;
        for (std::size_t i = 0; i < rank; ++i) {
            dimensions[i] = static_cast<std::int64_t>(random() % (rank > 3 ? 7 : 40));
            strides[i] = static_cast<std::int64_t>(random() % 121) - 60;
            if (random() % 3 == 0) {
                strides[i] = bytes * static_cast<std::int64_t>(random() % 8);
            }
            const std::int64_t reach = strides[i] * std::max<std::int64_t>(dimensions[i] - 1, 0);
            (reach < 0 ? low : high) += reach;
        }
        std::vector<std::uint8_t> memory(static_cast<std::size_t>(high - low));
        std::generate(memory.begin(), memory.end(), [&] { return static_cast<std::uint8_t>(random()); });
        const std::uint8_t* const origin = memory.data() - low;

        std::vector<std::uint8_t> expected;
        std::vector<std::int64_t> index(rank, 0);
        const std::int64_t count =
            std::accumulate(dimensions.begin(), dimensions.end(), std::int64_t{1}, std::multiplies<>());
        for (std::int64_t i = 0; i < count; ++i) {
            std::int64_t rest = i;
            const std::uint8_t* at = origin;
            for (std::size_t k = rank; k-- > 0;) {
                at += rest % dimensions[k] * strides[k];
                rest /= dimensions[k];
            }
            expected.insert(expected.end(), at, at + bytes);
        }
        ctx.publish_array({.data = origin, .type = type, .dimensions = dimensions, .strides = strides}, "a",
                          {.replace = true});
        ASSERT_EQ(elements<std::uint8_t>(other.get("a")), expected) << "round " << round;
    }
}

TEST_F(ArrayTest, BadViewsAreRefusedAndPublishNothing) {
    const std::vector<float> values(8);
    EXPECT_EQ(
        errc_of([&] {
            ctx.publish_array({.data = values.data(), .type = float32, .dimensions = {2, 4}, .strides = {4}}, "a");
        }),
        Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { ctx.publish_array({.data = nullptr, .type = float32, .dimensions = {2}}, "a"); }),
              Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { ctx.publish_array({.data = values.data(), .type = float32, .dimensions = {-2}}, "a"); }),
              Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] {
                  ctx.publish_array(
                      {.data = values.data(), .type = float32, .dimensions = {2, 4}, .strides = {INT64_MAX, 4}}, "a");
              }),
              Errc::invalid_argument);
    EXPECT_EQ(ctx.stats().allocations, 0U);
}

TEST_F(ArrayTest, ATakenNameReturnsTheMemory) {
    publish_text(ctx, "a", "x");
    EXPECT_EQ(errc_of([&] { publish_text(ctx, "a", "y"); }), Errc::already_exists);
    EXPECT_EQ(ctx.stats().allocations, 1U);
}

}  // namespace
}  // namespace fastio::test
