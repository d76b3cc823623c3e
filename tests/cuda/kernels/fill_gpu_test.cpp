#include "kernels/fill.hpp"

#include <numeric>

#include "cuda/support/gpu.hpp"

namespace fastio::gpu {
namespace {

using FillOnGpu = test::GpuTest;
using test::DeviceBuffer;

TEST_F(FillOnGpu, EqualsTheHostsForEverySizeOfElementAndEveryAddress) {
    constexpr std::size_t kGuard = 16;
    for (const DataType lane : {uint8, int16, float32, float64, complex128}) {
        for (std::uint16_t lanes = 1; lanes <= 16; ++lanes) {
            const DataType type{lane.code, lane.bits, lanes};
            std::vector<unsigned char> element(type.size_bytes());
            std::iota(element.begin(), element.end(), static_cast<unsigned char>(1));
            for (const std::size_t offset : {0, 1, 5, 8}) {
                for (const std::uint64_t count : {0, 1, 3, 1000}) {
                    const std::size_t first = kGuard + offset;
                    std::vector<unsigned char> expected(first + count * element.size() + kGuard, 0);
                    const DeviceBuffer memory(expected);
                    fill(memory.data() + first, count, type, element.data());
                    fill_on_host(expected.data() + first, count, type, element.data());
                    ASSERT_EQ(memory.contents(), expected) << to_string(type) << " x " << count << " at " << offset;
                }
            }
        }
    }
}

TEST_F(FillOnGpu, ReachesTheEndOfMoreWordsThanThereAreThreads) {
    const std::uint64_t count = (std::uint64_t{1} << 24) + 12'345;
    const DeviceBuffer memory(count * sizeof(double));
    const double value = -0.125;
    fill(memory.data(), count, float64, &value);
    std::vector<unsigned char> expected(count * sizeof(double));
    fill_on_host(expected.data(), count, float64, &value);
    EXPECT_TRUE(memory.contents() == expected);
}

TEST_F(FillOnGpu, FollowsTheWorkOfItsStream) {
    const test::TestStream stream;
    const DeviceBuffer memory(1 << 20);
    for (unsigned char value = 1; value <= 50; ++value) {
        fill(memory.data(), 1 << 20, value, stream.get());
    }
    EXPECT_TRUE(memory.contents() == std::vector<unsigned char>(1 << 20, 50));
}

}  // namespace
}  // namespace fastio::gpu
