#pragma once

#include <string>

#include <fastio/fastio.hpp>

#include "compute/volume.hpp"

/// What a volume's publication says besides its type and its dimensions. Numbers are written so that they read back
/// exactly.
namespace brain_mri {

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
