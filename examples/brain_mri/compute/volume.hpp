#pragma once

#include <cstdint>
#include <type_traits>

#include "compute/host_device.hpp"

namespace brain_mri {

/// Counts voxels. 32 bits: a division by an extent is the hottest instruction of several kernels, and one array of
/// labels then takes four bytes per voxel. A volume has at most kMaxVoxels.
using Index = std::int32_t;
inline constexpr std::int64_t kMaxVoxels = INT32_MAX;

/// Voxels per axis, outermost first: C order, x runs fastest.
struct Extents {
    Index z = 0;
    Index y = 0;
    Index x = 0;

    [[nodiscard]] BRAIN_MRI_HOST_DEVICE constexpr Index count() const { return z * y * x; }
    friend constexpr bool operator==(const Extents&, const Extents&) = default;
};

/// Millimetres from one voxel's centre to the next.
struct Spacing {
    double x = 1;
    double y = 1;
    double z = 1;
};

/// A volume that somebody else owns, in memory that the processor reaches which it is given to.
template <class T>
struct VolumeView {
    T* data = nullptr;
    Extents extents{};

    // As T* converts to const T*.
    template <class U, std::enable_if_t<std::is_same_v<U, const T> && !std::is_const_v<T>, int> = 0>
    constexpr operator VolumeView<U>() const {  // NOLINT(google-explicit-constructor)
        return {data, extents};
    }
};

/// The volume of `voxels` voxels; 1 ml is 1000 mm^3.
[[nodiscard]] constexpr double millilitres(std::int64_t voxels, const Spacing& spacing) {
    return static_cast<double>(voxels) * spacing.x * spacing.y * spacing.z / 1000.0;
}

}  // namespace brain_mri
