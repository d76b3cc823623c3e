#include <algorithm>
#include <array>
#include <limits>

#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using CreateTest = ClientTest;

TEST_F(CreateTest, BytesAreUint8InOneDimension) {
    const Allocation a = ctx.create(1000);
    EXPECT_TRUE(a);
    EXPECT_EQ(a.size(), 1000U);
    EXPECT_EQ(a.count(), 1000U);
    EXPECT_EQ(a.type(), uint8);
    ASSERT_EQ(a.dimensions().size(), 1U);
    EXPECT_EQ(a.dimensions()[0], 1000);
    EXPECT_EQ(a.device(), "host");
    EXPECT_EQ(a.name(), "");
    EXPECT_EQ(a.version(), 0U);
    EXPECT_TRUE(a.attributes().empty());
}

TEST_F(CreateTest, AnArrayHasTypeAndDimensions) {
    const Allocation a = ctx.create(float32, {2, 3, 4});
    EXPECT_EQ(a.size(), 96U);
    EXPECT_EQ(a.count(), 24U);
    EXPECT_EQ(a.type(), float32);
    EXPECT_TRUE(std::ranges::equal(a.dimensions(), std::array<std::int64_t, 3>{2, 3, 4}));
}

TEST_F(CreateTest, NoDimensionsAreAScalar) {
    const Allocation a = ctx.create(float64, {});
    EXPECT_EQ(a.size(), 8U);
    EXPECT_EQ(a.count(), 1U);
    EXPECT_TRUE(a.dimensions().empty());
}

TEST_F(CreateTest, AZeroDimensionIsAnEmptyArrayThatCanBePublished) {
    Allocation a = ctx.create(float32, {3, 0, 5});
    EXPECT_EQ(a.size(), 0U);
    EXPECT_EQ(a.count(), 0U);
    EXPECT_TRUE(a.as_span<float>().empty());
    a.publish("empty");
    const Allocation b = other.get("empty");
    EXPECT_EQ(b.count(), 0U);
    EXPECT_EQ(b.dimensions().size(), 3U);
}

TEST_F(CreateTest, ZeroBytesAreRefused) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(0)); }), Errc::invalid_argument);
}

TEST_F(CreateTest, MoreThan63BitsOfBytesAreRefused) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(std::uint64_t{1} << 63)); }), Errc::invalid_argument);
}

TEST_F(CreateTest, NegativeDimensionsAreRefused) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(float32, {4, -1})); }), Errc::invalid_argument);
}

TEST_F(CreateTest, NineDimensionsAreRefused) {
    EXPECT_EQ(errc_of([&] {
                  static_cast<void>(ctx.create(uint8, {1, 1, 1, 1, 1, 1, 1, 1, 1}));
              }),
              Errc::invalid_argument);
}

TEST_F(CreateTest, AProductThatOverflowsIsRefused) {
    const std::int64_t huge = std::int64_t{1} << 40;
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(float32, {huge, huge})); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(float32, {huge, huge, 0})); }), Errc::invalid_argument);
}

TEST_F(CreateTest, AnInvalidTypeIsRefused) {
    const DataType odd{TypeCode::floating, 13, 1};
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(odd, {4})); }), Errc::invalid_argument);
}

TEST_F(CreateTest, AlignmentIsKept) {
    std::vector<Allocation> kept;
    for (std::uint64_t alignment = 256; alignment <= (std::uint64_t{2} << 20); alignment *= 2) {
        kept.push_back(ctx.create(1, {.alignment = alignment}));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(kept.back().data()) % alignment, 0U) << alignment;
    }
}

TEST_F(CreateTest, OddAlignmentsAreRefused) {
    for (const std::uint64_t alignment : {0UL, 128UL, 300UL, 4UL << 20}) {
        EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(8, {.alignment = alignment})); }), Errc::invalid_argument)
            << alignment;
    }
}

TEST_F(CreateTest, ZeroClearsMemoryThatWasUsedBefore) {
    {
        Allocation dirty = ctx.create(4096);
        std::memset(dirty.data(), 0xab, 4096);
    }
    const Allocation a = ctx.create(4096, {.zero = true});
    const auto bytes = a.as_span<const std::uint8_t>();
    EXPECT_TRUE(std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; }));
}

TEST_F(CreateTest, AStreamOnHostMemoryIsRefused) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(8, {.stream = nullptr})); }), Errc::unsupported);
    EXPECT_EQ(ctx.stats().allocations, 0U);
}

TEST_F(CreateTest, ADeviceCanBeNamed) {
    EXPECT_EQ(ctx.create(8, {.device = "host"}).device(), "host");
    EXPECT_EQ(ctx.create(8, {.device = "auto"}).device(), "host");
}

TEST_F(CreateTest, ACudaDeviceIsUnavailable) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(8, {.device = "cuda:0"})); }), Errc::device_unavailable);
}

TEST_F(CreateTest, AnUnknownDeviceIsRefused) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(8, {.device = "abacus"})); }), Errc::invalid_argument);
}

TEST_F(CreateTest, AllocationsDoNotOverlap) {
    std::vector<Allocation> all;
    for (int i = 0; i < 100; ++i) {
        all.push_back(ctx.create(1000));
        std::memset(all.back().data(), i, 1000);
    }
    for (int i = 0; i < 100; ++i) {
        const auto bytes = all[static_cast<std::size_t>(i)].as_span<const std::uint8_t>();
        EXPECT_TRUE(std::ranges::all_of(bytes, [i](std::uint8_t byte) { return byte == i; })) << i;
    }
}

}  // namespace
}  // namespace fastio::test
