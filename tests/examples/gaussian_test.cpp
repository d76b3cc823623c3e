#include "compute/gaussian.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "support/volumes.hpp"

namespace brain_mri {

namespace {

using testing::OwnedVolume;
using testing::random_volume;

OwnedVolume<float> smoothed(const OwnedVolume<float>& volume, const Spacing& spacing, double sigma_mm) {
    OwnedVolume<float> out(volume.extents);
    OwnedVolume<float> scratch(volume.extents);
    testing::host().smooth(volume.view(), out.view(), scratch.view(), spacing, sigma_mm);
    return out;
}

double total(const std::vector<float>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

/// The same by definition: all three axes at once, in double, every position clamped.
double smoothed_voxel(const OwnedVolume<float>& volume, const std::vector<float>& z_weights,
                      const std::vector<float>& y_weights, const std::vector<float>& x_weights, Index z, Index y,
                      Index x) {
    const auto radius = [](const std::vector<float>& weights) { return static_cast<Index>(weights.size()) - 1; };
    const auto weight = [](const std::vector<float>& weights, Index k) {
        return static_cast<double>(weights[static_cast<std::size_t>(std::abs(k))]);
    };
    double sum = 0;
    for (Index dz = -radius(z_weights); dz <= radius(z_weights); ++dz) {
        for (Index dy = -radius(y_weights); dy <= radius(y_weights); ++dy) {
            for (Index dx = -radius(x_weights); dx <= radius(x_weights); ++dx) {
                const float value =
                    volume.at(std::clamp(z + dz, 0, volume.extents.z - 1), std::clamp(y + dy, 0, volume.extents.y - 1),
                              std::clamp(x + dx, 0, volume.extents.x - 1));
                sum += weight(z_weights, dz) * weight(y_weights, dy) * weight(x_weights, dx) * value;
            }
        }
    }
    return sum;
}

}  // namespace

TEST(GaussianWeights, SumToOneAndReachFourSigma) {
    for (const double sigma : {0.3, 1.0, 3.0, 7.5}) {
        const std::vector<float> weights = gaussian_weights(sigma);
        EXPECT_EQ(weights.size(), static_cast<std::size_t>(4 * sigma + 0.5) + 1) << sigma;
        EXPECT_NEAR(2 * total(weights) - weights[0], 1.0, 1e-6) << sigma;
    }
}

TEST(GaussianWeights, FallAsTheBellCurveDoes) {
    const std::vector<float> weights = gaussian_weights(3.0);
    for (std::size_t k = 0; k < weights.size(); ++k) {
        const double distance = static_cast<double>(k) / 3.0;
        EXPECT_NEAR(weights[k] / weights[0], std::exp(-0.5 * distance * distance), 1e-6) << k;
    }
}

TEST(GaussianWeights, OfSigmaZeroAreTheIdentity) {
    EXPECT_EQ(gaussian_weights(0), std::vector<float>{1.0F});
}

TEST(Smooth, SpreadsAnImpulseAsTheAnalyticGaussianInMillimetres) {
    const Spacing spacing{0.4, 0.5, 1.0};
    const double sigma_mm = 2.0;
    OwnedVolume<float> impulse({21, 41, 51});
    impulse.at(10, 20, 25) = 1.0F;

    const OwnedVolume<float> response = smoothed(impulse, spacing, sigma_mm);

    EXPECT_NEAR(total(response.values), 1.0, 1e-5);
    const double voxel_volume = spacing.x * spacing.y * spacing.z;
    const double peak = voxel_volume / std::pow(2.0 * std::numbers::pi * sigma_mm * sigma_mm, 1.5);
    for (const auto& [dz, dy, dx] : std::vector<std::array<Index, 3>>{
             {0, 0, 0}, {1, 0, 0}, {0, 4, 0}, {0, 0, -5}, {2, -3, 4}, {-4, 8, 10}, {-7, -14, -17}}) {
        const double square = std::pow(dz * spacing.z, 2) + std::pow(dy * spacing.y, 2) + std::pow(dx * spacing.x, 2);
        const double expected = peak * std::exp(-0.5 * square / (sigma_mm * sigma_mm));
        // The cut at four sigma moves 6.3e-5 of the weight per axis into the rest.
        EXPECT_NEAR(response.at(10 + dz, 20 + dy, 25 + dx) / expected, 1.0, 3e-4) << dz << " " << dy << " " << dx;
    }
    EXPECT_EQ(response.at(10 + 9, 20, 25), 0.0F) << "beyond four sigma";
}

TEST(Smooth, IsSeparable) {
    const Spacing spacing{1, 1, 1};
    OwnedVolume<float> impulse({15, 15, 15});
    impulse.at(7, 7, 7) = 1.0F;
    const OwnedVolume<float> response = smoothed(impulse, spacing, 1.2);
    const float peak = response.at(7, 7, 7);
    for (Index z = 3; z < 12; ++z) {
        for (Index y = 3; y < 12; ++y) {
            const double product = static_cast<double>(response.at(z, 7, 7)) * response.at(7, y, 7) *
                                   response.at(7, 7, 9) / (static_cast<double>(peak) * peak);
            EXPECT_NEAR(response.at(z, y, 9), product, 1e-7) << z << " " << y;
        }
    }
}

TEST(Smooth, KeepsALinearRampLinearInside) {
    OwnedVolume<float> ramp({16, 20, 24});
    for (Index z = 0; z < 16; ++z) {
        for (Index y = 0; y < 20; ++y) {
            for (Index x = 0; x < 24; ++x) {
                ramp.at(z, y, x) = static_cast<float>(2 * x + 3 * y - 5 * z);
            }
        }
    }
    const OwnedVolume<float> result = smoothed(ramp, {1, 1, 1}, 1.0);
    const Index radius = 4;
    for (Index z = radius; z < 16 - radius; ++z) {
        for (Index y = radius; y < 20 - radius; ++y) {
            for (Index x = radius; x < 24 - radius; ++x) {
                ASSERT_NEAR(result.at(z, y, x), ramp.at(z, y, x), 1e-4) << z << " " << y << " " << x;
            }
        }
    }
    EXPECT_GT(std::abs(result.at(8, 10, 0) - ramp.at(8, 10, 0)), 0.1F) << "at the border the ramp is clamped";
}

TEST(Smooth, KeepsAConstantUpToTheBorder) {
    const OwnedVolume<float> result = smoothed(OwnedVolume<float>({5, 6, 7}, 42.0F), {1, 2, 0.5}, 1.5);
    for (const float value : result.values) {
        ASSERT_NEAR(value, 42.0F, 1e-4);
    }
}

TEST(Smooth, AgreesWithTheDefinitionOnVolumesSmallerThanTheKernel) {
    const std::uint32_t seed = 20240611;
    const Spacing spacing{1.0, 0.5, 2.0};
    const double sigma_mm = 1.1;
    const OwnedVolume<float> volume = random_volume({3, 7, 12}, seed);
    const OwnedVolume<float> result = smoothed(volume, spacing, sigma_mm);
    const auto z_weights = gaussian_weights(sigma_mm / spacing.z);
    const auto y_weights = gaussian_weights(sigma_mm / spacing.y);
    const auto x_weights = gaussian_weights(sigma_mm / spacing.x);
    for (Index z = 0; z < 3; ++z) {
        for (Index y = 0; y < 7; ++y) {
            for (Index x = 0; x < 12; ++x) {
                ASSERT_NEAR(result.at(z, y, x), smoothed_voxel(volume, z_weights, y_weights, x_weights, z, y, x), 2e-6)
                    << z << " " << y << " " << x << ", seed " << seed;
            }
        }
    }
}

TEST(Smooth, OfSigmaZeroCopies) {
    const OwnedVolume<float> volume = random_volume({4, 5, 6}, 7);
    EXPECT_EQ(smoothed(volume, {1, 1, 1}, 0).values, volume.values);
}

TEST(Millilitres, AreVoxelsTimesSpacingOverThousand) {
    EXPECT_DOUBLE_EQ(millilitres(1000, {1, 1, 1}), 1.0);
    EXPECT_DOUBLE_EQ(millilitres(12'867'127, {0.5, 0.5, 0.5}), 1608.390875);
    EXPECT_DOUBLE_EQ(millilitres(7, {0.5, 2, 10}), 0.07);
}

}  // namespace brain_mri
