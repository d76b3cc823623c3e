#include <algorithm>
#include <cmath>
#include <cstring>

#include "compute/otsu.hpp"
#include "compute/processor.hpp"
#include "cuda/support/gpu.hpp"
#include "support/volumes.hpp"

namespace brain_mri {
namespace {

using fastio::test::DeviceBuffer;
using testing::host;
using testing::OwnedVolume;
using testing::random_mask;
using testing::random_volume;

/// A volume in the GPU's memory.
template <class T>
class VolumeOnGpu {
public:
    explicit VolumeOnGpu(const OwnedVolume<T>& volume) : extents_(volume.extents), buffer_(bytes_of(volume.values)) {}
    explicit VolumeOnGpu(Extents extents) : VolumeOnGpu(OwnedVolume<T>(extents)) {}

    [[nodiscard]] VolumeView<T> view() const { return {reinterpret_cast<T*>(buffer_.data()), extents_}; }
    [[nodiscard]] VolumeView<const T> input() const { return view(); }
    [[nodiscard]] std::vector<T> values() const {
        const std::vector<unsigned char> bytes = buffer_.contents();
        std::vector<T> values(bytes.size() / sizeof(T));
        std::memcpy(values.data(), bytes.data(), bytes.size());
        return values;
    }

private:
    static std::vector<unsigned char> bytes_of(const std::vector<T>& values) {
        std::vector<unsigned char> bytes(values.size() * sizeof(T));
        std::memcpy(bytes.data(), values.data(), bytes.size());
        return bytes;
    }

    Extents extents_;
    DeviceBuffer buffer_;
};

class ProcessorOnGpu : public fastio::test::GpuTest {
protected:
    void SetUp() override {
        GpuTest::SetUp();
        if (HasFatalFailure() || IsSkipped()) {
            return;
        }
        std::string why_not;
        gpu_ = make_gpu_processor(0, why_not);
        ASSERT_NE(gpu_, nullptr) << why_not;
    }

    std::unique_ptr<Processor> gpu_;
};

TEST_F(ProcessorOnGpu, GathersAsTheHostDoesFromEveryType) {
    const Extents extents{3, 5, 7};
    const Order mirrored{104, -35, -7, -1};
    const auto expect_equal = [&]<class T>(T first, T step) {
        std::vector<T> values(static_cast<std::size_t>(extents.count()));
        for (T& value : values) {
            value = first;
            first = static_cast<T>(first + step);
        }
        OwnedVolume<float> expected(extents);
        host().gather(values, mirrored, 0.1, -3.7, expected.view());
        const VolumeOnGpu<float> volume(extents);
        gpu_->gather(values, mirrored, 0.1, -3.7, volume.view());
        gpu_->synchronise();
        EXPECT_EQ(volume.values(), expected.values) << sizeof(T) << " bytes";
    };
    expect_equal(std::uint8_t{0}, std::uint8_t{2});
    expect_equal(std::int8_t{-100}, std::int8_t{1});
    expect_equal(std::uint16_t{1000}, std::uint16_t{600});
    expect_equal(std::int16_t{-30000}, std::int16_t{500});
    expect_equal(std::uint32_t{5}, std::uint32_t{40'000'000});
    expect_equal(std::int32_t{-2'000'000'000}, std::int32_t{30'000'000});
    expect_equal(std::uint64_t{1} << 60, std::uint64_t{12'345'678'901});
    expect_equal(-(std::int64_t{1} << 60), std::int64_t{12'345'678'901});
    expect_equal(-1.5F, 0.37F);
    expect_equal(-1e10, 0.1 + 1e8);
}

TEST_F(ProcessorOnGpu, SmoothsAsTheHostDoes) {
    for (const double sigma_mm : {0.0, 0.6, 1.5, 6.0}) {
        for (const Extents extents : {Extents{1, 1, 1}, Extents{3, 7, 12}, Extents{33, 40, 65}}) {
            const Spacing spacing{0.5, 0.7, 1.1};
            const OwnedVolume<float> volume = random_volume(extents, 17);
            OwnedVolume<float> expected(extents);
            OwnedVolume<float> scratch(extents);
            host().smooth(volume.view(), expected.view(), scratch.view(), spacing, sigma_mm);

            const VolumeOnGpu<float> in(volume);
            const VolumeOnGpu<float> out(extents);
            const VolumeOnGpu<float> between(extents);
            gpu_->smooth(in.input(), out.view(), between.view(), spacing, sigma_mm);
            gpu_->synchronise();
            const std::vector<float> smoothed = out.values();
            for (std::size_t i = 0; i < smoothed.size(); ++i) {
                // Both round every product and sum; a host that fuses them differs by a rounding per weight.
                ASSERT_NEAR(smoothed[i], expected.values[i], 1e-6) << i << ", sigma " << sigma_mm;
            }
        }
    }
}

TEST_F(ProcessorOnGpu, CountsTheSameHistogram) {
    for (const Extents extents : {Extents{1, 1, 2}, Extents{20, 30, 41}, Extents{64, 128, 128}}) {
        const OwnedVolume<float> volume = random_volume(extents, 23);
        const Histogram expected = host().histogram(volume.view());
        const Histogram counted = gpu_->histogram(VolumeOnGpu<float>(volume).input());
        EXPECT_EQ(counted.low, expected.low);
        EXPECT_EQ(counted.high, expected.high);
        EXPECT_EQ(counted.counts, expected.counts);
    }
}

TEST_F(ProcessorOnGpu, AppliesTheSameThreshold) {
    const OwnedVolume<float> volume = random_volume({20, 30, 41}, 29);
    const float threshold = volume.values[1000];  // one that is met exactly
    OwnedVolume<std::uint8_t> expected(volume.extents);
    host().apply_threshold(volume.view(), threshold, expected.view());
    const VolumeOnGpu<float> in(volume);
    const VolumeOnGpu<std::uint8_t> mask(volume.extents);
    gpu_->apply_threshold(in.input(), threshold, mask.view());
    gpu_->synchronise();
    EXPECT_EQ(mask.values(), expected.values);
}

TEST_F(ProcessorOnGpu, KeepsTheSameComponent) {
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
        // At 31 % the components of a cubic lattice are largest and most ragged.
        const double density = seed % 2 == 0 ? 0.3116 : 0.02 * seed;
        const Extents extents{1 + static_cast<Index>(seed), 41, 70};
        OwnedVolume<std::uint8_t> expected = random_mask(extents, density, seed);
        const VolumeOnGpu<std::uint8_t> mask(expected);
        const VolumeOnGpu<Index> labels(extents);
        OwnedVolume<Index> scratch(extents);
        const LargestComponent by_host = host().keep_largest_component(expected.view(), scratch.view());
        const LargestComponent by_gpu = gpu_->keep_largest_component(mask.view(), labels.view());
        gpu_->synchronise();
        EXPECT_EQ(by_gpu.components, by_host.components) << "seed " << seed;
        EXPECT_EQ(by_gpu.voxels, by_host.voxels) << "seed " << seed;
        EXPECT_EQ(mask.values(), expected.values) << "seed " << seed;
    }
}

TEST_F(ProcessorOnGpu, OfAnEmptyMaskKeepsNothing) {
    const VolumeOnGpu<std::uint8_t> mask(Extents{3, 4, 5});
    const VolumeOnGpu<Index> labels(Extents{3, 4, 5});
    EXPECT_EQ(gpu_->keep_largest_component(mask.view(), labels.view()).components, 0);
}

TEST_F(ProcessorOnGpu, ProjectsTheSameMaxima) {
    const OwnedVolume<float> volume = random_volume({17, 33, 65}, 31);
    const OwnedVolume<std::uint8_t> silhouette = random_mask({17, 33, 65}, 0.1, 37);
    const VolumeOnGpu<float> volume_on_gpu(volume);
    const VolumeOnGpu<std::uint8_t> silhouette_on_gpu(silhouette);
    for (const Axis axis : {Axis::z, Axis::y, Axis::x}) {
        EXPECT_EQ(gpu_->maximum_projection(volume_on_gpu.input(), axis).values,
                  host().maximum_projection(volume.view(), axis).values);
        EXPECT_EQ(gpu_->maximum_projection(silhouette_on_gpu.input(), axis).values,
                  host().maximum_projection(silhouette.view(), axis).values);
    }
}

}  // namespace
}  // namespace brain_mri
