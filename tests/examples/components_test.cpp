#include "compute/processor.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "support/volumes.hpp"

namespace brain_mri {

namespace {

using testing::OwnedVolume;
using Mask = OwnedVolume<std::uint8_t>;

LargestComponent keep_largest(Mask& mask) {
    OwnedVolume<Index> labels(mask.extents, 12345);
    return testing::host().keep_largest_component(mask.view(), labels.view());
}

/// The members of the component of `seed`, by breadth-first search; clears them in `mask`.
std::vector<std::size_t> take_component(Mask& mask, Index z, Index y, Index x) {
    struct Voxel {
        Index z, y, x;
    };
    std::vector<std::size_t> members;
    std::deque<Voxel> queue{{z, y, x}};
    mask.at(z, y, x) = 0;
    while (!queue.empty()) {
        const Voxel here = queue.front();
        queue.pop_front();
        members.push_back(mask.index(here.z, here.y, here.x));
        for (const Voxel& next : {Voxel{here.z - 1, here.y, here.x}, Voxel{here.z + 1, here.y, here.x},
                                  Voxel{here.z, here.y - 1, here.x}, Voxel{here.z, here.y + 1, here.x},
                                  Voxel{here.z, here.y, here.x - 1}, Voxel{here.z, here.y, here.x + 1}}) {
            const bool valid = next.z >= 0 && next.z < mask.extents.z && next.y >= 0 && next.y < mask.extents.y &&
                               next.x >= 0 && next.x < mask.extents.x;
            if (valid && mask.at(next.z, next.y, next.x) != 0) {
                mask.at(next.z, next.y, next.x) = 0;
                queue.push_back(next);
            }
        }
    }
    return members;
}

struct Expected {
    LargestComponent largest{};
    Mask mask;
};

Expected by_search(Mask mask) {
    Expected expected{{}, Mask(mask.extents)};
    std::vector<std::size_t> best;
    for (Index z = 0; z < mask.extents.z; ++z) {
        for (Index y = 0; y < mask.extents.y; ++y) {
            for (Index x = 0; x < mask.extents.x; ++x) {
                if (mask.at(z, y, x) == 0) {
                    continue;
                }
                ++expected.largest.components;
                std::vector<std::size_t> members = take_component(mask, z, y, x);
                if (members.size() > best.size()) {
                    best = std::move(members);
                }
            }
        }
    }
    expected.largest.voxels = static_cast<Index>(best.size());
    for (const std::size_t member : best) {
        expected.mask.values[member] = 1;
    }
    return expected;
}

}  // namespace

TEST(LargestComponent, AgreesWithASearchOnRandomMasks) {
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        const double density = 0.05 + 0.9 * (seed % 13) / 12.0;
        const Extents extents{1 + static_cast<Index>(seed % 9), 5 + static_cast<Index>(seed % 7), 17};
        Mask mask = testing::random_mask(extents, density, seed);
        const Expected expected = by_search(mask);
        const LargestComponent largest = keep_largest(mask);
        EXPECT_EQ(largest.components, expected.largest.components) << "seed " << seed;
        EXPECT_EQ(largest.voxels, expected.largest.voxels) << "seed " << seed;
        EXPECT_EQ(mask.values, expected.mask.values) << "seed " << seed;
    }
}

TEST(LargestComponent, AgreesWithASearchNearThePercolationThreshold) {
    // At 31 % the components of a cubic lattice are largest and most ragged.
    for (std::uint32_t seed = 100; seed < 104; ++seed) {
        Mask mask = testing::random_mask({40, 41, 42}, 0.3116, seed);
        const Expected expected = by_search(mask);
        const LargestComponent largest = keep_largest(mask);
        EXPECT_EQ(largest.components, expected.largest.components) << "seed " << seed;
        EXPECT_EQ(mask.values, expected.mask.values) << "seed " << seed;
    }
}

TEST(LargestComponent, OfAnEmptyMaskIsEmpty) {
    Mask mask({3, 4, 5});
    const LargestComponent largest = keep_largest(mask);
    EXPECT_EQ(largest.voxels, 0);
    EXPECT_EQ(largest.components, 0);
    EXPECT_EQ(mask.values, Mask({3, 4, 5}).values);
}

TEST(LargestComponent, OfAFullMaskIsAllOfItWithOnes) {
    Mask mask({3, 4, 5}, 255);
    const LargestComponent largest = keep_largest(mask);
    EXPECT_EQ(largest.voxels, 60);
    EXPECT_EQ(largest.components, 1);
    EXPECT_EQ(mask.values, Mask({3, 4, 5}, 1).values);
}

TEST(LargestComponent, DoesNotConnectEdgesCornersOrTheEndsOfRows) {
    Mask mask({2, 2, 3});
    mask.at(0, 0, 2) = 1;  // ends row 0; row 1 begins right after it in memory
    mask.at(0, 1, 0) = 1;
    mask.at(1, 0, 1) = 1;  // touches the first by an edge only
    mask.at(1, 1, 2) = 1;
    const LargestComponent largest = keep_largest(mask);
    EXPECT_EQ(largest.components, 4);
    EXPECT_EQ(largest.voxels, 1);
    Mask first({2, 2, 3});
    first.at(0, 0, 2) = 1;
    EXPECT_EQ(mask.values, first.values) << "of equal ones the first in C order";
}

TEST(LargestComponent, FollowsALongWindingPath) {
    // Rows 0, 2, 4, ... joined at alternating ends: one component as long as the volume allows.
    Mask mask({1, 31, 40});
    Index voxels = 0;
    for (Index y = 0; y < 31; ++y) {
        for (Index x = 0; x < 40; ++x) {
            const bool joint = x == ((y / 2) % 2 == 0 ? 39 : 0);
            if (y % 2 == 0 || joint) {
                mask.at(0, y, x) = 1;
                ++voxels;
            }
        }
    }
    const LargestComponent largest = keep_largest(mask);
    EXPECT_EQ(largest.components, 1);
    EXPECT_EQ(largest.voxels, voxels);
}

}  // namespace brain_mri
