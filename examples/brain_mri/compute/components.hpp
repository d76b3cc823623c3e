#pragma once

#include <cstdint>

#include "compute/volume.hpp"

namespace brain_mri {

struct LargestComponent {
    Index voxels = 0;      ///< in the largest component; 0 if the mask was empty
    Index components = 0;  ///< in the mask as it was given
};

/// Keeps, of the voxels that are not 0 in `mask`, the largest component whose members touch face to face (6
/// neighbours) as 1, and clears the others. Of components of one size, the one with the first voxel in C order.
///
/// `labels` is scratch memory of the same extents. Three passes over the voxels, each of them parallel: a lock-free
/// union-find in which a root is linked to a smaller one by compare and exchange, as in J. Jaiganesh and M. Burtscher,
/// "A high-performance connected components implementation for GPUs", HPDC 2018; then the sizes are counted in place.
/// The result does not depend on the order in which the voxels are visited.
LargestComponent keep_largest_component(VolumeView<std::uint8_t> mask, VolumeView<Index> labels);

}  // namespace brain_mri
