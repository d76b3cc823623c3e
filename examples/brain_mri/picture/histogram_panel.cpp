#include "picture/histogram_panel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "picture/palette.hpp"

namespace brain_mri {

namespace {

constexpr int kLabelGap = 8;

/// Zero for an empty bin and above zero for a single voxel.
double bar_length(std::uint64_t count) {
    return count == 0 ? 0.0 : std::log10(static_cast<double>(count)) + 0.3;
}

std::string power_of_ten(int exponent) {
    return exponent == 0 ? "1" : fmt::format("1e{}", exponent);
}

}  // namespace

void draw_histogram(Image& image, int x, int y, int width, int height, const Histogram& histogram, float threshold) {
    const int left = x + text_width("1e9") + kLabelGap;
    const int right = x + width;
    const int bottom = y + height - text_height() - kLabelGap;
    const int plot_width = std::max(1, right - left);
    const int plot_height = std::max(1, bottom - y);

    double longest = 1.0;
    for (const std::uint64_t count : histogram.counts) {
        longest = std::max(longest, bar_length(count));
    }
    const double pixels_per_unit = plot_height / longest;

    for (int exponent = 0; bar_length(1) + exponent <= longest; ++exponent) {
        const int line = bottom - static_cast<int>(std::lround((bar_length(1) + exponent) * pixels_per_unit));
        image.fill(left, line, plot_width, 1, palette::kGrid);
        const std::string label = power_of_ten(exponent);
        image.text(left - kLabelGap - text_width(label), line - text_height() / 2, label, palette::kFaintText);
    }
    for (int column = 0; column < plot_width; ++column) {
        const std::size_t bin = static_cast<std::size_t>(column) * kBins / static_cast<std::size_t>(plot_width);
        const int length = static_cast<int>(std::lround(bar_length(histogram.counts[bin]) * pixels_per_unit));
        const bool foreground = histogram.upper_edge(bin) > static_cast<double>(threshold);
        image.fill(left + column, bottom - length, 1, length,
                   foreground ? palette::kForegroundBar : palette::kBackgroundBar);
    }
    image.fill(left, bottom, plot_width, 1, palette::kFaintText);

    const double range = static_cast<double>(histogram.high) - static_cast<double>(histogram.low);
    const double share = range > 0 ? (static_cast<double>(threshold) - histogram.low) / range : 0.0;
    const int line = left + static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * (plot_width - 1)));
    image.fill(line - 1, y, 2, bottom - y, palette::kOutline);

    const std::string low = fmt::format("{:.4g}", histogram.low);
    const std::string high = fmt::format("{:.4g}", histogram.high);
    const std::string at_line = fmt::format("{:.4g}", threshold);
    const int label_y = bottom + kLabelGap;
    image.text(left, label_y, low, palette::kFaintText);
    image.text(right - text_width(high), label_y, high, palette::kFaintText);
    const int lowest_x = left + text_width(low) + kLabelGap;
    const int highest_x = right - text_width(high) - kLabelGap - text_width(at_line);
    image.text(std::max(lowest_x, std::min(line - text_width(at_line) / 2, highest_x)), label_y, at_line,
               palette::kOutline);
}

}  // namespace brain_mri
