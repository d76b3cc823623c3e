#include "picture/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "picture/histogram_panel.hpp"
#include "picture/palette.hpp"

namespace brain_mri {

namespace {

constexpr double kLongestEdgePixels = 440;
constexpr double kDarkestShare = 0.02;
constexpr double kBrightestShare = 0.9995;
constexpr float kHeadroom = 0.35F;
constexpr int kMargin = 28;
constexpr int kTitleGap = 10;
constexpr int kLineHeight = 26;
constexpr int kLines = 5;
constexpr int kSmallestColumn = 400;  // the lines of numbers need this much
constexpr int kSmallestRow = 360;

/// The value below which `share` of the values lie; reorders them.
float quantile(std::vector<float>& values, double share) {
    const auto position = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + position, values.end());
    return values[static_cast<std::size_t>(position)];
}

/// Projections of an organ are bright nearly everywhere, so the grey levels are spent on what lies inside the
/// silhouettes: from just below their darkest pixels to their brightest, a few outliers left out.
Window window_of(const Report& report) {
    std::vector<float> inside;
    std::vector<float> all;
    for (const ProjectionPanel* panel : {&report.coronal, &report.sagittal, &report.axial}) {
        for (std::size_t pixel = 0; pixel < panel->intensity.values.size(); ++pixel) {
            all.push_back(panel->intensity.values[pixel]);
            if (panel->mask.values[pixel] != 0) {
                inside.push_back(panel->intensity.values[pixel]);
            }
        }
    }
    std::vector<float>& shown = inside.empty() ? all : inside;
    const float dark = quantile(shown, kDarkestShare);
    const float white = quantile(shown, kBrightestShare);
    return {dark - (white - dark) * kHeadroom, white};
}

void draw_titled(Image& image, int x, int y, const ProjectionPanel& panel, double pixels_per_mm, const Window& window) {
    image.text(x, y, panel.title, palette::kText);
    draw_projection(image, x, y + text_height() + kTitleGap, panel, pixels_per_mm, window);
}

void draw_numbers(Image& image, int x, int y, const Report& report) {
    const std::array lines{
        fmt::format("voxels      {} x {} x {}", report.extents.x, report.extents.y, report.extents.z),
        fmt::format("spacing     {:g} x {:g} x {:g} mm", report.spacing.x, report.spacing.y, report.spacing.z),
        fmt::format("threshold   {:.2f} (Otsu)", report.threshold),
        fmt::format("component   {} voxels", report.voxels),
        fmt::format("volume      {:.1f} ml", report.volume_ml),
    };
    for (const std::string& line : lines) {
        image.text(x, y, line, palette::kText);
        y += kLineHeight;
    }
}

}  // namespace

Report make_projections(const Processor& processor, VolumeView<const float> volume, VolumeView<const std::uint8_t> mask,
                        const Spacing& spacing, bool oriented) {
    const auto make_panel = [&](Axis axis, const char* title, double row_mm, double column_mm,
                                const char* edges) -> ProjectionPanel {
        return {title,
                processor.maximum_projection(volume, axis),
                processor.maximum_projection(mask, axis),
                row_mm,
                column_mm,
                oriented ? edges : ""};
    };
    Report report;
    report.extents = volume.extents;
    report.spacing = spacing;
    report.coronal = make_panel(Axis::y, "coronal", spacing.z, spacing.x, "RLSI");
    report.sagittal = make_panel(Axis::x, "sagittal", spacing.z, spacing.y, "APSI");
    report.axial = make_panel(Axis::z, "axial", spacing.y, spacing.x, "RLAP");
    return report;
}

Image draw_report(const Report& report) {
    const double longest_mm = std::max({report.extents.x * report.spacing.x, report.extents.y * report.spacing.y,
                                        report.extents.z * report.spacing.z});
    const double scale = kLongestEdgePixels / longest_mm;
    const int left_width = report.coronal.width(scale);
    const int right_width = std::max(report.sagittal.width(scale), kSmallestColumn);
    const int upper_height = report.coronal.height(scale);
    const int lower_height = std::max(report.axial.height(scale), kSmallestRow);
    const int title = text_height() + kTitleGap;
    const int right_x = 2 * kMargin + left_width;
    const int lower_y = 2 * kMargin + title + upper_height;

    Image image(right_x + right_width + kMargin, lower_y + title + lower_height + kMargin, palette::kBackground);
    const Window window = window_of(report);
    draw_titled(image, kMargin, kMargin, report.coronal, scale, window);
    draw_titled(image, right_x, kMargin, report.sagittal, scale, window);
    draw_titled(image, kMargin, lower_y, report.axial, scale, window);

    const int numbers_height = kLines * kLineHeight + kMargin;
    image.text(right_x, lower_y, "smoothed intensities", palette::kText);
    draw_histogram(image, right_x, lower_y + title, right_width, lower_height - numbers_height, report.histogram,
                   report.threshold);
    draw_numbers(image, right_x,
                 lower_y + title + lower_height - numbers_height + kMargin + kLineHeight - text_height(), report);
    return image;
}

}  // namespace brain_mri
