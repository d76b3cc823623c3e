#pragma once

#include <cstdint>
#include <string>

#include "compute/gather.hpp"
#include "compute/volume.hpp"

namespace brain_mri {

/// A volume as it lies in a NIfTI file, and how to turn it so that x runs to the patient's right, y to the front and z
/// upwards (RAS), as far as whole axes allow.
struct NiftiVolume {
    RawValues values{};  ///< in the file's order
    Order order{};       ///< leads from the file's order to `extents`
    Extents extents{};   ///< after turning
    Spacing spacing{};   ///< after turning, in millimetres
    double slope = 1;    ///< value = slope * stored + intercept
    double intercept = 0;
    bool oriented = false;  ///< the file says where its axes point to; otherwise `order` is the file's
};

/// Reads `path`: NIfTI-1 or NIfTI-2, one file (.nii, .nii.gz) or two (.hdr and .img), three dimensions, integers or
/// floating point. Where the file names no unit its spacing is taken as millimetres.
///
/// Errors (fastio::Error): io_error (missing, unreadable, not a file), corrupt_input (not NIfTI, truncated, a spacing
/// of 0 or none), unsupported (complex or colour voxels, not three dimensions, over 2^31 - 1 voxels).
[[nodiscard]] NiftiVolume read_nifti(const std::string& path);

}  // namespace brain_mri
