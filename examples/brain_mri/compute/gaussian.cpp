#include "compute/gaussian.hpp"

#include <thrust/device_vector.h>
#include <thrust/execution_policy.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/transform.h>

#include <cmath>
#include <cstddef>

namespace brain_mri {

namespace {

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

void convolve(const float* in, float* out, Index count, Index stride, Index length, double sigma) {
    const std::vector<float> weights = gaussian_weights(sigma);
    const thrust::device_vector<float> on_device(weights.begin(), weights.end());
    const ConvolveAxis kernel{in, thrust::raw_pointer_cast(on_device.data()), static_cast<Index>(weights.size() - 1),
                              stride, length};
    thrust::transform(thrust::device, thrust::counting_iterator<Index>(0), thrust::counting_iterator<Index>(count), out,
                      kernel);
}

}  // namespace

std::vector<float> gaussian_weights(double sigma) {
    const auto radius = static_cast<std::size_t>(4.0 * sigma + 0.5);
    std::vector<double> half(radius + 1, 1.0);
    double total = 1.0;
    for (std::size_t k = 1; k <= radius; ++k) {
        const double distance = static_cast<double>(k) / sigma;
        half[k] = std::exp(-0.5 * distance * distance);
        total += 2.0 * half[k];
    }
    std::vector<float> weights;
    weights.reserve(half.size());
    for (const double weight : half) {
        weights.push_back(static_cast<float>(weight / total));
    }
    return weights;
}

void smooth(VolumeView<const float> in, VolumeView<float> out, VolumeView<float> scratch, const Spacing& spacing,
            double sigma_mm) {
    const Extents extents = in.extents;
    const Index count = extents.count();
    convolve(in.data, out.data, count, 1, extents.x, sigma_mm / spacing.x);
    convolve(out.data, scratch.data, count, extents.x, extents.y, sigma_mm / spacing.y);
    convolve(scratch.data, out.data, count, extents.x * extents.y, extents.z, sigma_mm / spacing.z);
}

}  // namespace brain_mri
