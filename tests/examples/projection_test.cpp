#include "compute/processor.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/volumes.hpp"

namespace brain_mri {

namespace {

using testing::OwnedVolume;

template <class T>
void expect_maxima(const OwnedVolume<T>& volume) {
    const auto [depth, height, width] = volume.extents;
    const Plane<T> along_z = testing::host().maximum_projection(volume.view(), Axis::z);
    const Plane<T> along_y = testing::host().maximum_projection(volume.view(), Axis::y);
    const Plane<T> along_x = testing::host().maximum_projection(volume.view(), Axis::x);
    Plane<T> z{height, width, std::vector<T>(along_z.values.size())};
    Plane<T> y{depth, width, std::vector<T>(along_y.values.size())};
    Plane<T> x{depth, height, std::vector<T>(along_x.values.size())};
    ASSERT_EQ(along_z.values.size(), static_cast<std::size_t>(height * width));
    ASSERT_EQ(along_y.values.size(), static_cast<std::size_t>(depth * width));
    ASSERT_EQ(along_x.values.size(), static_cast<std::size_t>(depth * height));
    const auto raise = [](T& pixel, T value) { pixel = std::max(pixel, value); };
    for (Index k = 0; k < depth; ++k) {
        for (Index j = 0; j < height; ++j) {
            for (Index i = 0; i < width; ++i) {
                raise(z.values[static_cast<std::size_t>(j * width + i)], volume.at(k, j, i));
                raise(y.values[static_cast<std::size_t>(k * width + i)], volume.at(k, j, i));
                raise(x.values[static_cast<std::size_t>(k * height + j)], volume.at(k, j, i));
            }
        }
    }
    EXPECT_EQ(along_z.values, z.values);
    EXPECT_EQ(along_y.values, y.values);
    EXPECT_EQ(along_x.values, x.values);
    EXPECT_EQ(along_x.rows, depth);
    EXPECT_EQ(along_x.columns, height);
}

}  // namespace

TEST(MaximumProjection, OfIntensitiesIsTheLargestOnEachLine) {
    expect_maxima(testing::random_volume({7, 11, 13}, 99));
}

TEST(MaximumProjection, OfAMaskIsItsSilhouette) {
    expect_maxima(testing::random_mask({6, 5, 9}, 0.1, 5));
}

TEST(MaximumProjection, OfNegativeValuesDoesNotInventZeros) {
    const OwnedVolume<float> volume({2, 2, 2}, -3.0F);
    const Plane<float> plane = testing::host().maximum_projection(volume.view(), Axis::y);
    EXPECT_EQ(plane.values, std::vector<float>(4, -3.0F));
}

}  // namespace brain_mri
