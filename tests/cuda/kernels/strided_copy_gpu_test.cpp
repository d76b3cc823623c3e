#include "kernels/strided_copy.hpp"

#include "cuda/support/gpu.hpp"
#include "strided_samples.hpp"

namespace fastio::gpu {
namespace {

using StridedCopyOnGpu = fastio::test::GpuTest;
using fastio::test::DeviceBuffer;
using test::StridedSample;

constexpr std::uint32_t kSeed = 20260120;

TEST_F(StridedCopyOnGpu, GathersAsTheHostDoes) {
    for (const StridedSample& sample : test::strided_samples(kSeed)) {
        const std::vector<unsigned char> view = test::numbered_bytes(sample.memory);
        std::vector<unsigned char> expected(sample.count() * sample.element_bytes + 1, 0xaa);
        const DeviceBuffer from(view);
        const DeviceBuffer to(expected);
        gather(to.data(), from.data() + sample.first, sample.layout());
        gather_on_host(expected.data(), view.data() + sample.first, sample.layout());
        ASSERT_EQ(to.contents(), expected) << sample.describe() << ", seed " << kSeed;
    }
}

TEST_F(StridedCopyOnGpu, ScattersAsTheHostDoes) {
    for (const StridedSample& sample : test::strided_samples(kSeed + 1)) {
        const std::vector<unsigned char> packed = test::numbered_bytes(sample.count() * sample.element_bytes);
        std::vector<unsigned char> expected(sample.memory, 0xfe);
        const DeviceBuffer from(packed);
        const DeviceBuffer to(expected);
        scatter(to.data() + sample.first, from.data(), sample.layout());
        scatter_on_host(expected.data() + sample.first, packed.data(), sample.layout());
        ASSERT_EQ(to.contents(), expected) << sample.describe() << ", seed " << kSeed + 1;
    }
}

TEST_F(StridedCopyOnGpu, TransposesMoreTilesThanThereAreBlocks) {
    constexpr std::int64_t kSide = 8'200;
    StridedSample sample;
    sample.dimensions = {kSide, kSide};
    sample.strides = {1, kSide};
    const std::vector<unsigned char> view = test::numbered_bytes(kSide * kSide);
    std::vector<unsigned char> expected(view.size());
    const DeviceBuffer from(view);
    const DeviceBuffer to(view.size());
    const fastio::test::TestStream stream;
    gather(to.data(), from.data(), sample.layout(), stream.get());
    gather_on_host(expected.data(), view.data(), sample.layout());
    EXPECT_TRUE(to.contents() == expected);
}

}  // namespace
}  // namespace fastio::gpu
