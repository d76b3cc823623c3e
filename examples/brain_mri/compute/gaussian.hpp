#pragma once

#include <vector>

#include "compute/volume.hpp"

namespace brain_mri {

/// Half of a sampled Gaussian of `sigma` samples: the weights at 0, 1, ..., radius, where radius = floor(4 sigma +
/// 0.5). What is cut off lies beyond four standard deviations; the weights are divided by their sum over both halves,
/// so a constant volume stays as it is. `sigma` 0 gives {1}.
[[nodiscard]] std::vector<float> gaussian_weights(double sigma);

/// Convolves `in` with a Gaussian of standard deviation `sigma_mm` millimetres (>= 0), one axis after the other, each
/// with sigma_mm / spacing samples. Outside the volume the nearest voxel of the border counts (clamping).
///
/// The three volumes have the same extents and do not overlap; `scratch` holds an intermediate result.
/// Cost: 3 * (2 * radius + 1) reads per voxel.
void smooth(VolumeView<const float> in, VolumeView<float> out, VolumeView<float> scratch, const Spacing& spacing,
            double sigma_mm);

}  // namespace brain_mri
