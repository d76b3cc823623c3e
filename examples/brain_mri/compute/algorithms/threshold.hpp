#pragma once

#include <thrust/transform.h>

#include <cstdint>

#include "compute/volume.hpp"

namespace brain_mri::algorithms {

struct AtLeast {
    float threshold;
    BRAIN_MRI_HOST_DEVICE std::uint8_t operator()(float value) const { return value >= threshold ? 1 : 0; }
};

template <class System>
void apply_threshold(const System& system, VolumeView<const float> volume, float threshold,
                     VolumeView<std::uint8_t> mask) {
    const float* const begin = volume.data;
    thrust::transform(system.policy(), begin, begin + volume.extents.count(), mask.data, AtLeast{threshold});
}

}  // namespace brain_mri::algorithms
