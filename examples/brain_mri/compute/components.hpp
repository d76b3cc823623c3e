#pragma once

#include "compute/volume.hpp"

namespace brain_mri {

struct LargestComponent {
    Index voxels = 0;      ///< in the largest component; 0 if the mask was empty
    Index components = 0;  ///< in the mask as it was given
};

}  // namespace brain_mri
