#pragma once

#include <string>
#include <vector>

#include <fastio/fastio.hpp>

#include "compute/volume.hpp"

namespace brain_mri {

namespace detail {
/// The extents of a volume of `type`. Throws fastio::Error: invalid_argument where the allocation is of another type or
/// has not three dimensions of at least one voxel; unsupported for over kMaxVoxels and for memory that Thrust's device
/// system cannot reach.
[[nodiscard]] Extents check_volume(const fastio::Allocation& allocation, fastio::DataType type);
}  // namespace detail

/// The allocation as a volume of T, dimensions {z, y, x}. It stays the owner: the view is valid until it is released.
template <class T>
[[nodiscard]] VolumeView<T> typed_view(const fastio::Allocation& allocation) {
    return {allocation.data<T>(), detail::check_volume(allocation, fastio::type_of<T>())};
}

/// A new volume of T in the context's memory.
template <class T>
[[nodiscard]] fastio::Allocation create_volume(fastio::Context& context, const Extents& extents) {
    return context.create(fastio::type_of<T>(), {extents.z, extents.y, extents.x});
}

/// Throws fastio::Error, invalid_argument, where two volumes that belong together have different extents.
void check_same_extents(const Extents& a, const std::string& name_a, const Extents& b, const std::string& name_b);

// Attributes. Numbers are written so that they read back exactly.

/// "spacing-mm": three numbers, "x y z", in millimetres. In this order, which is not that of the dimensions, because it
/// is how spacings are written everywhere.
inline constexpr const char* kSpacing = "spacing-mm";
/// "orientation": "RAS" where x is known to run to the right, y to the front and z upwards; else absent.
inline constexpr const char* kOrientation = "orientation";
/// Of the mask: the threshold, its volume in millilitres, the number of its voxels.
inline constexpr const char* kThreshold = "threshold";
inline constexpr const char* kVolume = "volume-ml";
inline constexpr const char* kVoxels = "voxels";

/// The attributes that describe a volume's geometry, to be handed on with what is computed from it.
[[nodiscard]] fastio::Attributes geometry_of(const fastio::Allocation& allocation);

/// "spacing-mm", read. Throws fastio::Error, invalid_argument, where it is missing or not three positive numbers.
[[nodiscard]] Spacing spacing_of(const fastio::Allocation& allocation);
[[nodiscard]] std::string format_spacing(const Spacing& spacing);

/// An attribute that is a number. Throws fastio::Error, invalid_argument, where it is missing or is none.
[[nodiscard]] double number_of(const fastio::Allocation& allocation, const char* attribute);

}  // namespace brain_mri
