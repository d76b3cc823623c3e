#include <array>
#include <limits>

#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using AllocationTest = ClientTest;

TEST_F(AllocationTest, AsSpanCoversTheWholeAllocation) {
    const Allocation a = ctx.create(float32, {4, 4});
    EXPECT_EQ(a.as_span<float>().size(), 16U);
    EXPECT_EQ(a.as_span<const double>().data(), a.data());
}

TEST_F(AllocationTest, AsSpanOfElementsThatDoNotDivideTheSizeIsRefused) {
    const Allocation a = ctx.create(10);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.as_span<float>()); }), Errc::invalid_argument);
}

TEST_F(AllocationTest, DataIsTheSamePointerInEveryType) {
    const Allocation a = ctx.create(16);
    EXPECT_EQ(static_cast<void*>(a.data<float>()), a.data());
    EXPECT_EQ(static_cast<const void*>(a.data<const int>()), a.data());
    EXPECT_EQ(a.data<void>(), a.data());
}

TEST_F(AllocationTest, TypeAndDimensionsCanShrinkAndGrowBackWithinTheSize) {
    Allocation a = ctx.create(float32, {100});
    a.set_type_and_dimensions(uint8, {10});
    EXPECT_EQ(a.count(), 10U);
    EXPECT_EQ(a.size(), 400U);
    const std::vector<std::int64_t> dimensions{4, 25};
    a.set_type_and_dimensions(int32, dimensions);
    EXPECT_EQ(a.count(), 100U);
    EXPECT_EQ(a.type(), int32);
}

TEST_F(AllocationTest, DimensionsThatExceedTheSizeAreRefusedAndNothingChanges) {
    Allocation a = ctx.create(float32, {4});
    EXPECT_EQ(errc_of([&] { a.set_type_and_dimensions(float32, {5}); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { a.set_type_and_dimensions(float64, {4}); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { a.set_type_and_dimensions(uint8, {-1}); }), Errc::invalid_argument);
    const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(errc_of([&] { a.set_type_and_dimensions(float32, {huge, huge}); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { a.set_type_and_dimensions(uint8, {1, 1, 1, 1, 1, 1, 1, 1, 1}); }), Errc::invalid_argument);
    EXPECT_EQ(a.type(), float32);
    EXPECT_EQ(a.count(), 4U);
}

TEST_F(AllocationTest, CopyMovesAPart) {
    Allocation a = ctx.create(8, {.zero = true});
    const std::array<char, 3> in{'a', 'b', 'c'};
    a.copy_from(in.data(), in.size(), {.offset = 5});
    std::array<char, 4> out{};
    a.copy_to(out.data(), out.size(), {.offset = 4});
    EXPECT_EQ(out, (std::array<char, 4>{'\0', 'a', 'b', 'c'}));
}

TEST_F(AllocationTest, CopiesOutsideTheAllocationAreRefused) {
    Allocation a = ctx.create(8);
    std::array<char, 16> host{};
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    struct Range {
        std::uint64_t bytes;
        std::uint64_t offset;
    };
    for (const Range range : {Range{9, 0}, Range{8, 1}, Range{1, 8}, Range{0, 9}, Range{kMost, 2}, Range{2, kMost}}) {
        EXPECT_EQ(errc_of([&] { a.copy_from(host.data(), range.bytes, {.offset = range.offset}); }),
                  Errc::invalid_argument)
            << range.bytes << " at " << range.offset;
        EXPECT_EQ(errc_of([&] { a.copy_to(host.data(), range.bytes, {.offset = range.offset}); }),
                  Errc::invalid_argument)
            << range.bytes << " at " << range.offset;
    }
}

TEST_F(AllocationTest, ACopyOfNothingNeedsNoHostMemory) {
    Allocation a = ctx.create(8);
    EXPECT_NO_THROW(a.copy_from(nullptr, 0, {.offset = 8}));
    EXPECT_EQ(errc_of([&] { a.copy_from(nullptr, 1); }), Errc::invalid_argument);
}

TEST_F(AllocationTest, ACopyOnAStreamIsRefusedOnHostMemory) {
    Allocation a = ctx.create(8);
    std::array<char, 8> host{};
    EXPECT_EQ(errc_of([&] { a.copy_from(host.data(), 8, {.stream = nullptr}); }), Errc::unsupported);
    EXPECT_EQ(errc_of([&] { a.copy_to(host.data(), 8, {.stream = nullptr}); }), Errc::unsupported);
}

}  // namespace
}  // namespace fastio::test
