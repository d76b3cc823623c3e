#pragma once

#include "compute/histogram.hpp"
#include "picture/image.hpp"

namespace brain_mri {

/// Draws the counts as bars of logarithmic height into the rectangle, background and foreground in their colours, with
/// a line at `threshold` and the values at both ends of the axis below.
void draw_histogram(Image& image, int x, int y, int width, int height, const Histogram& histogram, float threshold);

}  // namespace brain_mri
