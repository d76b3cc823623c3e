#pragma once

#include <vector>

namespace brain_mri {

/// Half of a sampled Gaussian of `sigma` samples: the weights at 0, 1, ..., radius, where radius = floor(4 sigma +
/// 0.5). What is cut off lies beyond four standard deviations; the weights are divided by their sum over both halves,
/// so a constant volume stays as it is. `sigma` 0 gives {1}.
[[nodiscard]] std::vector<float> gaussian_weights(double sigma);

}  // namespace brain_mri
