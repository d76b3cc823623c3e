#include "compute/projection.hpp"

#include <thrust/copy.h>
#include <thrust/device_vector.h>
#include <thrust/execution_policy.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/transform.h>

namespace brain_mri {

namespace {

/// Strides of the volume, in voxels, as the image sees them.
struct Lines {
    Index rows;
    Index columns;
    Index row_stride;
    Index column_stride;
    Index depth;
    Index depth_stride;
};

Lines lines_along(Axis axis, const Extents& extents) {
    const Index row = extents.x;
    const Index slice = extents.x * extents.y;
    switch (axis) {
        case Axis::z:
            return {extents.y, extents.x, row, 1, extents.z, slice};
        case Axis::y:
            return {extents.z, extents.x, slice, 1, extents.y, row};
        default:
            return {extents.z, extents.y, slice, row, extents.x, 1};
    }
}

template <class T>
struct MaximumOnLine {
    const T* data;
    Lines lines;

    BRAIN_MRI_HOST_DEVICE T operator()(Index pixel) const {
        const T* voxel =
            data + (pixel / lines.columns) * lines.row_stride + (pixel % lines.columns) * lines.column_stride;
        T largest = *voxel;
        for (Index k = 1; k < lines.depth; ++k) {
            voxel += lines.depth_stride;
            largest = *voxel > largest ? *voxel : largest;
        }
        return largest;
    }
};

}  // namespace

template <class T>
Plane<T> maximum_projection(VolumeView<const T> volume, Axis axis) {
    const Lines lines = lines_along(axis, volume.extents);
    const Index pixels = lines.rows * lines.columns;
    thrust::device_vector<T> image(static_cast<std::size_t>(pixels));
    thrust::transform(thrust::device, thrust::counting_iterator<Index>(0), thrust::counting_iterator<Index>(pixels),
                      image.begin(), MaximumOnLine<T>{volume.data, lines});
    Plane<T> plane{lines.rows, lines.columns, std::vector<T>(image.size())};
    thrust::copy(image.begin(), image.end(), plane.values.begin());
    return plane;
}

template Plane<float> maximum_projection(VolumeView<const float>, Axis);
template Plane<std::uint8_t> maximum_projection(VolumeView<const std::uint8_t>, Axis);

}  // namespace brain_mri
