#pragma once

#include <array>
#include <cstdint>

#include "compute/histogram.hpp"
#include "compute/processor.hpp"
#include "compute/volume.hpp"
#include "picture/image.hpp"
#include "picture/projection_panel.hpp"

namespace brain_mri {

/// All that the picture shows.
struct Report {
    ProjectionPanel coronal{};
    ProjectionPanel sagittal{};
    ProjectionPanel axial{};
    Histogram histogram{};
    Extents extents{};
    Spacing spacing{};
    float threshold = 0;
    double volume_ml = 0;
    std::int64_t voxels = 0;
};

/// The three projections of `volume` with those of `mask`. `oriented`: the volume is in RAS order for certain, so the
/// edges get their letters.
[[nodiscard]] Report make_projections(const Processor& processor, VolumeView<const float> volume,
                                      VolumeView<const std::uint8_t> mask, const Spacing& spacing, bool oriented);

/// Two rows: coronal and sagittal, axial and the histogram with the numbers. All three projections have one scale, in
/// which the longest edge of the volume is about 440 pixels.
[[nodiscard]] Image draw_report(const Report& report);

}  // namespace brain_mri
