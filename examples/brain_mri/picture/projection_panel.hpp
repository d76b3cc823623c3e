#pragma once

#include <cstdint>
#include <string>

#include "compute/projection.hpp"
#include "picture/image.hpp"

namespace brain_mri {

/// One projection and how it is shown. The planes come from a volume in RAS order, so both their axes are drawn
/// backwards: rows upwards, and columns so that the patient's right (or front) is on the left, as radiologists expect.
struct ProjectionPanel {
    std::string title{};
    Plane<float> intensity{};
    Plane<std::uint8_t> mask{};
    double row_mm = 1;     ///< from one row to the next
    double column_mm = 1;  ///< from one column to the next
    std::string edges{};   ///< letters at the left, right, upper and lower edge, e.g. "RLSI"; empty: none

    /// Pixels, with the empty border that the letters stand in.
    [[nodiscard]] int width(double pixels_per_mm) const;
    [[nodiscard]] int height(double pixels_per_mm) const;
};

/// Grey levels: `black` and what is below it becomes 0, `white` and above 255.
struct Window {
    float black = 0;
    float white = 1;
};

/// Draws the panel with its upper left corner at (x, y): intensities interpolated between voxels, then the outline of
/// the mask's silhouette, then the letters.
void draw_projection(Image& image, int x, int y, const ProjectionPanel& panel, double pixels_per_mm,
                     const Window& window);

}  // namespace brain_mri
