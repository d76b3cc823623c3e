#include "kernels/checksum.hpp"

#include <cstring>
#include <random>

#include "cuda/support/gpu.hpp"
#include "kernels/fill.hpp"

namespace fastio::gpu {
namespace {

using ChecksumOnGpu = test::GpuTest;
using test::DeviceBuffer;

std::uint64_t word_in(const DeviceBuffer& buffer) {
    std::uint64_t word = 0;
    std::memcpy(&word, buffer.contents().data(), sizeof(word));
    return word;
}

TEST_F(ChecksumOnGpu, EqualsTheHostsForEverySizeAndAddress) {
    const std::uint32_t seed = 20260118;
    std::mt19937 random(seed);
    std::vector<unsigned char> bytes(16 + (std::size_t{1} << 27) + 8);
    for (std::size_t i = 0; i + sizeof(std::uint32_t) <= bytes.size(); i += sizeof(std::uint32_t)) {
        const std::uint32_t part = random();
        std::memcpy(&bytes[i], &part, sizeof(part));
    }
    const DeviceBuffer data(bytes);
    const DeviceBuffer result(std::vector<unsigned char>(sizeof(std::uint64_t), 0xff));
    // Of the last, there are more terms than threads take in one round.
    for (const std::uint64_t size : {0, 1, 7, 8, 9, 255, 256, 4097, 1'000'003, 1 << 27}) {
        for (const std::size_t offset : {0, 1, 4, 8}) {
            checksum(data.data() + offset, size, reinterpret_cast<std::uint64_t*>(result.data()));
            ASSERT_EQ(word_in(result), checksum_on_host(bytes.data() + offset, size))
                << size << " bytes at " << offset << ", seed " << seed;
        }
    }
}

TEST_F(ChecksumOnGpu, FollowsTheWorkOfItsStream) {
    const test::TestStream stream;
    constexpr std::uint64_t kCount = 1 << 20;
    const DeviceBuffer data(kCount * sizeof(float));
    const DeviceBuffer result(sizeof(std::uint64_t));
    const float value = 3.5F;
    fill(data.data(), kCount, float32, &value, stream.get());
    checksum(data.data(), kCount * sizeof(float), reinterpret_cast<std::uint64_t*>(result.data()), stream.get());
    const std::vector<float> expected(kCount, value);
    EXPECT_EQ(word_in(result), checksum_on_host(expected.data(), kCount * sizeof(float)));
}

}  // namespace
}  // namespace fastio::gpu
