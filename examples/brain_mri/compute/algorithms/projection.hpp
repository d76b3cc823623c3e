#pragma once

#include <thrust/tabulate.h>

#include "compute/projection.hpp"

namespace brain_mri::algorithms {

/// Strides of the volume, in voxels, as the image sees them.
struct Lines {
    Index rows;
    Index columns;
    Index row_stride;
    Index column_stride;
    Index depth;
    Index depth_stride;
};

inline Lines lines_along(Axis axis, const Extents& extents) {
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

template <class System, class T>
[[nodiscard]] Plane<T> maximum_projection(const System& system, VolumeView<const T> volume, Axis axis) {
    const Lines lines = lines_along(axis, volume.extents);
    const Index pixels = lines.rows * lines.columns;
    auto image = system.template array<T>(static_cast<std::size_t>(pixels));
    thrust::tabulate(system.policy(), image.data(), image.data() + pixels, MaximumOnLine<T>{volume.data, lines});
    return {lines.rows, lines.columns, system.read(image.data(), static_cast<std::size_t>(pixels))};
}

}  // namespace brain_mri::algorithms
