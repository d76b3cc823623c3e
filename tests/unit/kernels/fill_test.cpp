#include "kernels/fill.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "support/errors.hpp"

namespace fastio::gpu {
namespace {

using test::errc_of;

/// An element whose bytes all differ, and none of which is 0.
std::vector<unsigned char> element_of(std::size_t bytes) {
    std::vector<unsigned char> element(bytes);
    std::iota(element.begin(), element.end(), static_cast<unsigned char>(1));
    return element;
}

TEST(Fill, RepeatsElementsOfEverySizeAtEveryAddressAndTouchesNothingElse) {
    constexpr std::size_t kGuard = 16;
    for (const DataType lane : {uint8, int16, float32, float64, complex128}) {
        for (std::uint16_t lanes = 1; lanes <= 16; ++lanes) {
            const DataType type{lane.code, lane.bits, lanes};
            const std::vector<unsigned char> element = element_of(type.size_bytes());
            for (std::size_t offset = 0; offset < 9; ++offset) {
                for (const std::uint64_t count : {0, 1, 2, 3, 7, 64}) {
                    const std::size_t first = kGuard + offset;
                    const std::size_t bytes = count * element.size();
                    std::vector<unsigned char> memory(first + bytes + kGuard, 0);
                    fill_on_host(memory.data() + first, count, type, element.data());

                    std::vector<unsigned char> expected(memory.size(), 0);
                    for (std::size_t i = 0; i < bytes; ++i) {
                        expected[first + i] = element[i % element.size()];
                    }
                    ASSERT_EQ(memory, expected) << to_string(type) << " x " << count << " at " << offset;
                }
            }
        }
    }
}

TEST(Fill, TakesATypedValue) {
    std::vector<float> values(5, 1.0F);
    const float value = -2.5F;
    fill_on_host(values.data() + 1, 3, float32, &value);
    EXPECT_EQ(values, (std::vector<float>{1.0F, -2.5F, -2.5F, -2.5F, 1.0F}));
}

TEST(Fill, RefusesWhatItCannotFill) {
    unsigned char memory[8]{};
    const DataType unknown{TypeCode::integer, 24, 1};
    EXPECT_EQ(errc_of([&] { fill_on_host(memory, 1, unknown, memory); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { fill_on_host(nullptr, 1, uint8, memory); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { fill_on_host(memory, 1, uint8, nullptr); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { fill_on_host(memory, std::uint64_t{1} << 61, float32, memory); }), Errc::invalid_argument);
    fill_on_host(nullptr, 0, uint8, nullptr);
}

}  // namespace
}  // namespace fastio::gpu
