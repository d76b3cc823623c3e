#include "kernels/strided_copy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "strided_samples.hpp"
#include "support/errors.hpp"

namespace fastio::gpu {
namespace {

using fastio::test::errc_of;
using test::StridedSample;

constexpr std::uint32_t kSeed = 20260117;

TEST(Gather, PacksArraysOfEveryLayout) {
    for (const StridedSample& sample : test::strided_samples(kSeed)) {
        const std::vector<unsigned char> view = test::numbered_bytes(sample.memory);
        const std::size_t bytes = sample.count() * sample.element_bytes;
        std::vector<unsigned char> packed(bytes + 1, 0xaa);
        gather_on_host(packed.data(), view.data() + sample.first, sample.layout());

        std::vector<unsigned char> expected;
        for (const std::size_t place : sample.places()) {
            expected.insert(expected.end(), &view[place], &view[place] + sample.element_bytes);
        }
        expected.push_back(0xaa);
        ASSERT_EQ(packed, expected) << sample.describe() << ", seed " << kSeed;
    }
}

TEST(Scatter, WritesTheElementsAndNothingBetweenThem) {
    for (const StridedSample& sample : test::strided_samples(kSeed + 1)) {
        const std::vector<unsigned char> packed = test::numbered_bytes(sample.count() * sample.element_bytes);
        std::vector<unsigned char> view(sample.memory, 0xfe);
        scatter_on_host(view.data() + sample.first, packed.data(), sample.layout());

        std::vector<unsigned char> expected(sample.memory, 0xfe);
        std::size_t next = 0;
        for (const std::size_t place : sample.places()) {
            std::copy_n(&packed[next], sample.element_bytes, &expected[place]);
            next += sample.element_bytes;
        }
        ASSERT_EQ(view, expected) << sample.describe() << ", seed " << kSeed + 1;
    }
}

TEST(Gather, RepeatsElementsWhereAStrideIsZero) {
    const std::vector<std::uint16_t> row{1, 2, 3};
    std::vector<std::uint16_t> packed(6);
    const std::vector<std::int64_t> dimensions{2, 3};
    gather_on_host(packed.data(), row.data(), {dimensions, std::vector<std::int64_t>{0, 2}, 2});
    EXPECT_EQ(packed, (std::vector<std::uint16_t>{1, 2, 3, 1, 2, 3}));
    const std::vector<std::uint8_t> bytes{7, 8};
    std::vector<std::uint8_t> repeated(6);
    gather_on_host(repeated.data(), bytes.data(),
                   {std::vector<std::int64_t>{2, 3}, std::vector<std::int64_t>{1, 0}, 1});
    EXPECT_EQ(repeated, (std::vector<std::uint8_t>{7, 7, 7, 8, 8, 8}));
}

TEST(Gather, TakesNoStridesForCOrder) {
    const std::vector<float> from{1, 2, 3, 4, 5, 6};
    std::vector<float> to(6);
    gather_on_host(to.data(), from.data(), {std::vector<std::int64_t>{2, 3}, {}, 4});
    EXPECT_EQ(to, from);
}

TEST(StridedCopy, RefusesLayoutsThatAreNone) {
    std::array<unsigned char, 64> a{};
    std::array<unsigned char, 64> b{};
    using Numbers = std::vector<std::int64_t>;
    const auto errc_for = [&](const Numbers& dimensions, const Numbers& strides, std::size_t element_bytes) {
        return errc_of([&] { gather_on_host(a.data(), b.data(), {dimensions, strides, element_bytes}); });
    };
    EXPECT_EQ(errc_for(Numbers(9, 1), {}, 1), Errc::invalid_argument);
    EXPECT_EQ(errc_for({-1}, {}, 1), Errc::invalid_argument);
    EXPECT_EQ(errc_for({2, 2}, {1}, 1), Errc::invalid_argument);
    EXPECT_EQ(errc_for({2}, {}, 0), Errc::invalid_argument);
    EXPECT_EQ(errc_for({INT64_MAX}, {}, 2), Errc::invalid_argument);
    EXPECT_EQ(errc_for({4}, {INT64_MAX / 2}, 1), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { gather_on_host(nullptr, b.data(), {Numbers{1}, {}, 1}); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { scatter_on_host(a.data(), nullptr, {Numbers{1}, {}, 1}); }), Errc::invalid_argument);
    gather_on_host(nullptr, nullptr, {Numbers{3, 0}, {}, 1});
}

TEST(Scatter, RefusesToWriteSeveralElementsToOnePlace) {
    std::array<unsigned char, 8> memory{};
    const std::vector<std::int64_t> zero{0};
    const auto scatter = [&](std::int64_t count) {
        scatter_on_host(memory.data(), memory.data() + 4, {std::vector<std::int64_t>{count}, zero, 1});
    };
    EXPECT_EQ(errc_of([&] { scatter(2); }), Errc::invalid_argument);
    scatter(1);
}

}  // namespace
}  // namespace fastio::gpu
