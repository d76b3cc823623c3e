#include "compute/otsu.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "support/volumes.hpp"

namespace brain_mri {

namespace {

using testing::OwnedVolume;

/// Otsu's other criterion (1979, equation 13 and following): the variance within the classes, from the definition.
double variance_within(const Histogram& histogram, std::size_t split) {
    const auto of_class = [&](std::size_t first, std::size_t last) {
        double count = 0;
        double sum = 0;
        for (std::size_t k = first; k < last; ++k) {
            count += static_cast<double>(histogram.counts[k]);
            sum += static_cast<double>(k) * static_cast<double>(histogram.counts[k]);
        }
        double squares = 0;
        for (std::size_t k = first; k < last && count > 0; ++k) {
            squares += std::pow(static_cast<double>(k) - sum / count, 2) * static_cast<double>(histogram.counts[k]);
        }
        return squares;
    };
    return of_class(0, split + 1) + of_class(split + 1, kBins);
}

double least_variance_within(const Histogram& histogram) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k + 1 < kBins; ++k) {
        least = std::min(least, variance_within(histogram, k));
    }
    return least;
}

void add_bell(Histogram& histogram, double centre, double sigma, double height) {
    for (std::size_t k = 0; k < kBins; ++k) {
        const double distance = (static_cast<double>(k) - centre) / sigma;
        histogram.counts[k] += static_cast<std::uint64_t>(height * std::exp(-0.5 * distance * distance));
    }
}

}  // namespace

TEST(Otsu, AgreesWithBruteForceOnTwoBells) {
    for (const double second : {90.0, 140.0, 200.0}) {
        for (const double height : {50.0, 1000.0, 30000.0}) {
            Histogram histogram{0, 256, {}};
            add_bell(histogram, 50, 12, 1000);
            add_bell(histogram, second, 20, height);
            const double chosen = variance_within(histogram, otsu_bin(histogram));
            EXPECT_LE(chosen, least_variance_within(histogram) * (1 + 1e-9)) << second << " " << height;
        }
    }
}

TEST(Otsu, AgreesWithBruteForceOnRandomHistograms) {
    for (std::uint32_t seed = 1; seed <= 50; ++seed) {
        std::mt19937 random(seed);
        Histogram histogram{-3, 5, {}};
        std::uniform_int_distribution<std::uint64_t> count(0, seed % 2 == 0 ? 3 : 1'000'000);
        for (std::uint64_t& bin : histogram.counts) {
            bin = count(random);
        }
        const double chosen = variance_within(histogram, otsu_bin(histogram));
        EXPECT_LE(chosen, least_variance_within(histogram) * (1 + 1e-9)) << "seed " << seed;
    }
}

TEST(Otsu, OfEqualSplitsTakesTheFirst) {
    Histogram histogram{0, 255, {}};
    histogram.counts[10] = 5;
    histogram.counts[200] = 7;
    EXPECT_EQ(otsu_bin(histogram), 10U);
}

TEST(Otsu, ThresholdIsTheUpperEdgeOfTheLastBackgroundBin) {
    Histogram histogram{100, 356, {}};
    histogram.counts[0] = 3;
    histogram.counts[255] = 3;
    EXPECT_FLOAT_EQ(otsu_threshold(histogram), 101.0F);
}

TEST(Otsu, CountsEveryVoxelOfTheForegroundBinsAndNoOther) {
    const std::uint32_t seed = 4711;
    const OwnedVolume<float> volume = testing::random_volume({20, 30, 40}, seed);
    const Histogram bins = testing::host().histogram(volume.view());
    const std::size_t last = otsu_bin(bins);
    OwnedVolume<std::uint8_t> mask(volume.extents);
    testing::host().apply_threshold(volume.view(), otsu_threshold(bins), mask.view());
    const auto above = std::accumulate(bins.counts.begin() + static_cast<std::ptrdiff_t>(last) + 1, bins.counts.end(),
                                       std::uint64_t{0});
    const auto marked = std::accumulate(mask.values.begin(), mask.values.end(), std::uint64_t{0});
    // A value on the edge itself may fall to either side of it in single precision.
    EXPECT_NEAR(static_cast<double>(marked), static_cast<double>(above), 2.0) << "seed " << seed;
}

TEST(Threshold, IncludesValuesEqualToIt) {
    OwnedVolume<float> volume({1, 1, 4});
    volume.values = {0.9F, 1.0F, 1.1F, -1.0F};
    OwnedVolume<std::uint8_t> mask(volume.extents, 9);
    testing::host().apply_threshold(volume.view(), 1.0F, mask.view());
    EXPECT_EQ(mask.values, (std::vector<std::uint8_t>{0, 1, 1, 0}));
}

TEST(HistogramOfVolume, PutsValuesIntoTheirBins) {
    OwnedVolume<float> volume({1, 2, 5});
    volume.values = {0, 1, 1.5F, 2, 254.5F, 255, 255.5F, 256, 100, 100};
    const Histogram bins = testing::host().histogram(volume.view());
    EXPECT_EQ(bins.low, 0.0F);
    EXPECT_EQ(bins.high, 256.0F);
    EXPECT_EQ(bins.counts[0], 1U);
    EXPECT_EQ(bins.counts[1], 2U);
    EXPECT_EQ(bins.counts[2], 1U);
    EXPECT_EQ(bins.counts[100], 2U);
    EXPECT_EQ(bins.counts[254], 1U);
    EXPECT_EQ(bins.counts[255], 3U) << "the last bin holds the largest value too";
    EXPECT_EQ(std::accumulate(bins.counts.begin(), bins.counts.end(), std::uint64_t{0}), 10U);
}

TEST(HistogramOfVolume, OfAConstantHasOneBinWithoutWidth) {
    const OwnedVolume<float> volume({3, 4, 5}, 17.0F);
    const Histogram bins = testing::host().histogram(volume.view());
    EXPECT_EQ(bins.low, bins.high);
    EXPECT_EQ(bins.width(), 0.0);
    EXPECT_EQ(bins.counts[0], 60U);
}

}  // namespace brain_mri
