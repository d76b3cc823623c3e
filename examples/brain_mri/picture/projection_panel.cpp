#include "picture/projection_panel.hpp"

#include <algorithm>
#include <cmath>

#include "picture/palette.hpp"

namespace brain_mri {

namespace {

constexpr int kOutlinePixels = 2;
constexpr int kBorderPixels = 26;

/// Where pixels lie in a plane whose two axes are drawn backwards.
struct Sampling {
    double rows_per_pixel;
    double columns_per_pixel;
    Index rows;
    Index columns;

    [[nodiscard]] double row(int pixel) const { return flipped(pixel, rows_per_pixel, rows); }
    [[nodiscard]] double column(int pixel) const { return flipped(pixel, columns_per_pixel, columns); }

    /// Pixel centres and voxel centres both lie half a step inside the edge.
    static double flipped(int pixel, double step, Index length) {
        const double position = static_cast<double>(length) - (pixel + 0.5) * step - 0.5;
        return std::clamp(position, 0.0, static_cast<double>(length - 1));
    }
};

float interpolate(const Plane<float>& plane, double row, double column) {
    const auto row0 = static_cast<Index>(row);
    const auto column0 = static_cast<Index>(column);
    const Index row1 = std::min(row0 + 1, plane.rows - 1);
    const Index column1 = std::min(column0 + 1, plane.columns - 1);
    const auto down = static_cast<float>(row - row0);
    const auto right = static_cast<float>(column - column0);
    const float upper = std::lerp(plane.at(row0, column0), plane.at(row0, column1), right);
    const float lower = std::lerp(plane.at(row1, column0), plane.at(row1, column1), right);
    return std::lerp(upper, lower, down);
}

std::uint8_t grey(float value, const Window& window) {
    const float range = std::max(window.white - window.black, 1e-30F);
    return static_cast<std::uint8_t>(std::lround(255.0F * std::clamp((value - window.black) / range, 0.0F, 1.0F)));
}

/// The silhouette, sampled once per pixel.
class Silhouette {
public:
    Silhouette(const Plane<std::uint8_t>& mask, const Sampling& sampling, int width, int height)
        : width_(width), height_(height) {
        inside_.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) {
                inside_.push_back(mask.at(static_cast<Index>(std::lround(sampling.row(y))),
                                          static_cast<Index>(std::lround(sampling.column(x)))) != 0);
            }
        }
    }

    /// True within kOutlinePixels of the edge, on the inner side. Beyond the picture is outside.
    [[nodiscard]] bool is_outline(int x, int y) const {
        if (!inside(x, y)) {
            return false;
        }
        for (int dy = -kOutlinePixels; dy <= kOutlinePixels; ++dy) {
            for (int dx = -kOutlinePixels; dx <= kOutlinePixels; ++dx) {
                if (dx * dx + dy * dy <= kOutlinePixels * kOutlinePixels && !inside(x + dx, y + dy)) {
                    return true;
                }
            }
        }
        return false;
    }

private:
    [[nodiscard]] bool inside(int x, int y) const {
        return x >= 0 && y >= 0 && x < width_ && y < height_ &&
               inside_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x)];
    }

    int width_;
    int height_;
    std::vector<bool> inside_;
};

void draw_letters(Image& image, int x, int y, int width, int height, const std::string& edges) {
    constexpr int kGap = (kBorderPixels - text_height()) / 2;
    if (edges.size() != 4) {
        return;
    }
    const int letter = text_width("R");
    const int middle_x = x + (width - letter) / 2;
    const int middle_y = y + (height - text_height()) / 2;
    image.text(x + kGap, middle_y, edges.substr(0, 1), palette::kFaintText);
    image.text(x + width - kGap - letter, middle_y, edges.substr(1, 1), palette::kFaintText);
    image.text(middle_x, y + kGap, edges.substr(2, 1), palette::kFaintText);
    image.text(middle_x, y + height - kGap - text_height(), edges.substr(3, 1), palette::kFaintText);
}

int pixels(Index voxels, double millimetres, double pixels_per_mm) {
    return std::max(1, static_cast<int>(std::lround(voxels * millimetres * pixels_per_mm)));
}

}  // namespace

int ProjectionPanel::width(double pixels_per_mm) const {
    return pixels(intensity.columns, column_mm, pixels_per_mm) + 2 * kBorderPixels;
}

int ProjectionPanel::height(double pixels_per_mm) const {
    return pixels(intensity.rows, row_mm, pixels_per_mm) + 2 * kBorderPixels;
}

void draw_projection(Image& image, int x, int y, const ProjectionPanel& panel, double pixels_per_mm,
                     const Window& window) {
    const int full_width = panel.width(pixels_per_mm);
    const int full_height = panel.height(pixels_per_mm);
    const int width = full_width - 2 * kBorderPixels;
    const int height = full_height - 2 * kBorderPixels;
    const Sampling sampling{static_cast<double>(panel.intensity.rows) / height,
                            static_cast<double>(panel.intensity.columns) / width, panel.intensity.rows,
                            panel.intensity.columns};
    const Silhouette silhouette(panel.mask, sampling, width, height);
    image.fill(x, y, full_width, full_height, palette::kPanel);
    for (int row = 0; row < height; ++row) {
        for (int column = 0; column < width; ++column) {
            const std::uint8_t level =
                grey(interpolate(panel.intensity, sampling.row(row), sampling.column(column)), window);
            const bool outline = silhouette.is_outline(column, row);
            image.set(x + kBorderPixels + column, y + kBorderPixels + row,
                      outline ? palette::kOutline : Colour{level, level, level});
        }
    }
    draw_letters(image, x, y, full_width, full_height, panel.edges);
}

}  // namespace brain_mri
