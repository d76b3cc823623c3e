#pragma once

#include <thrust/tabulate.h>

#include <cstddef>
#include <vector>

#include "compute/gaussian.hpp"
#include "compute/volume.hpp"

namespace brain_mri::algorithms {

/// One voxel of the convolution along one axis: `length` voxels that lie `stride` apart.
struct ConvolveAxis {
    const float* in;
    const float* weights;
    Index radius;
    Index stride;
    Index length;

    BRAIN_MRI_HOST_DEVICE float operator()(Index voxel) const {
        const Index position = (voxel / stride) % length;
        const float* centre = in + voxel;
        float sum = weights[0] * *centre;
        if (position >= radius && position + radius < length) {
            for (Index k = 1; k <= radius; ++k) {
                const std::ptrdiff_t step = std::ptrdiff_t{k} * stride;
                sum += weights[k] * (centre[-step] + centre[step]);
            }
            return sum;
        }
        const float* first = centre - std::ptrdiff_t{position} * stride;
        for (Index k = 1; k <= radius; ++k) {
            const Index below = position < k ? 0 : position - k;
            const Index above = length - 1 - position < k ? length - 1 : position + k;
            sum += weights[k] * (first[std::ptrdiff_t{below} * stride] + first[std::ptrdiff_t{above} * stride]);
        }
        return sum;
    }
};

template <class System>
void smooth(const System& system, VolumeView<const float> in, VolumeView<float> out, VolumeView<float> scratch,
            const Spacing& spacing, double sigma_mm) {
    const Extents extents = in.extents;
    // First all that the host waits for: the passes are then queued one behind the other.
    const std::vector<float> x_weights = gaussian_weights(sigma_mm / spacing.x);
    const std::vector<float> y_weights = gaussian_weights(sigma_mm / spacing.y);
    const std::vector<float> z_weights = gaussian_weights(sigma_mm / spacing.z);
    const auto x_copy = system.copy_of(x_weights);
    const auto y_copy = system.copy_of(y_weights);
    const auto z_copy = system.copy_of(z_weights);

    const auto convolve = [&](const float* from, float* to, const float* weights, std::size_t count, Index stride,
                              Index length) {
        thrust::tabulate(system.policy(), to, to + extents.count(),
                         ConvolveAxis{from, weights, static_cast<Index>(count - 1), stride, length});
    };
    convolve(in.data, out.data, x_copy.data(), x_weights.size(), 1, extents.x);
    convolve(out.data, scratch.data, y_copy.data(), y_weights.size(), extents.x, extents.y);
    convolve(scratch.data, out.data, z_copy.data(), z_weights.size(), extents.x * extents.y, extents.z);
}

}  // namespace brain_mri::algorithms
