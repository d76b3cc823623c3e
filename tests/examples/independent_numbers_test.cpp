// The operators' numbers for the volume of ./run demo against SciPy's for the same file.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "compute/otsu.hpp"
#include "compute/processor.hpp"
#include "input/nifti_volume.hpp"
#include "support/volumes.hpp"

namespace brain_mri {

namespace {

using testing::OwnedVolume;

constexpr const char* kBrain = "/usr/share/mricron/templates/ch2better.nii.gz";
constexpr double kSigmaMm = 1.5;

nlohmann::json run_script() {
    const std::string command = std::string("/usr/bin/python3 ") + INDEPENDENT_NUMBERS + " " + kBrain + " 1.5";
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) {
        return {};
    }
    std::string output;
    std::array<char, 4096> part{};
    for (std::size_t read = 0; (read = std::fread(part.data(), 1, part.size(), pipe)) > 0;) {
        output.append(part.data(), read);
    }
    const int status = ::pclose(pipe);
    return status == 0 ? nlohmann::json::parse(output) : nlohmann::json();
}

std::array<double, 3> centroid(const OwnedVolume<std::uint8_t>& mask) {
    std::array<double, 3> sums{};
    double count = 0;
    std::size_t voxel = 0;
    for (Index z = 0; z < mask.extents.z; ++z) {
        for (Index y = 0; y < mask.extents.y; ++y) {
            for (Index x = 0; x < mask.extents.x; ++x, ++voxel) {
                if (mask.values[voxel] != 0) {
                    sums[0] += x;
                    sums[1] += y;
                    sums[2] += z;
                    ++count;
                }
            }
        }
    }
    return {sums[0] / count, sums[1] / count, sums[2] / count};
}

double total(const std::vector<float>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

TEST(BrainMri, AgreesWithAnIndependentComputation) {
    const nlohmann::json expected = run_script();
    ASSERT_FALSE(expected.is_null()) << "the script failed; ./run setup installs python3-numpy, python3-scipy, "
                                        "python3-nibabel and mricron-data";

    const NiftiVolume file = read_nifti(kBrain);
    OwnedVolume<float> volume(file.extents);
    testing::host().gather(file.values, file.order, file.slope, file.intercept, volume.view());
    EXPECT_EQ(expected.at("shape"), (nlohmann::json{file.extents.x, file.extents.y, file.extents.z}));
    EXPECT_EQ(expected.at("spacing"), (nlohmann::json{file.spacing.x, file.spacing.y, file.spacing.z}));
    EXPECT_EQ(total(volume.values), expected.at("sum")) << "integers: exact in both";

    OwnedVolume<float> smoothed(file.extents);
    OwnedVolume<float> scratch(file.extents);
    testing::host().smooth(volume.view(), smoothed.view(), scratch.view(), file.spacing, kSigmaMm);
    // Three passes in single precision with 25 weights each: under 75 roundings of 6e-8, so 5e-6 at the very worst.
    constexpr double kSinglePrecision = 5e-6;
    const Histogram bins = testing::host().histogram(smoothed.view());
    EXPECT_NEAR(total(smoothed.values) / expected.at("smoothed_sum").get<double>(), 1.0, kSinglePrecision);
    EXPECT_NEAR(bins.high / expected.at("smoothed_maximum").get<double>(), 1.0, kSinglePrecision);

    // The same bin, whose edges scale with the maximum.
    const float threshold = otsu_threshold(bins);
    EXPECT_NEAR(threshold / expected.at("threshold").get<double>(), 1.0, kSinglePrecision);

    OwnedVolume<std::uint8_t> mask(file.extents);
    OwnedVolume<Index> labels(file.extents);
    testing::host().apply_threshold(smoothed.view(), threshold, mask.view());
    const LargestComponent largest = testing::host().keep_largest_component(mask.view(), labels.view());
    // Voxels change sides if they lie within the rounding of the threshold, 2 * 5e-6 * 46.4 = 4.6e-4 wide. Near it a
    // bin of 0.47 holds 25,000 voxels, so about 25 do at worst.
    EXPECT_EQ(largest.components, expected.at("components").get<Index>());
    EXPECT_NEAR(largest.voxels, expected.at("voxels").get<double>(), 25);
    EXPECT_NEAR(millilitres(largest.voxels, file.spacing), expected.at("volume_ml").get<double>(), 25 * 0.125e-3);
    const std::array<double, 3> centre = centroid(mask);
    for (std::size_t axis = 0; axis < 3; ++axis) {
        // 25 of 12.9 million voxels, at most 370 voxels away.
        EXPECT_NEAR(centre[axis], expected.at("centroid")[axis].get<double>(), 1e-3) << axis;
    }
}

}  // namespace brain_mri
