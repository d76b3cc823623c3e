#include "picture/image.hpp"

#include <algorithm>

#include "picture/font.hpp"

namespace brain_mri {

Image::Image(int width, int height, Colour background)
    : width_(width), height_(height), pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3) {
    fill(0, 0, width, height, background);
}

std::size_t Image::offset(int x, int y) const {
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x)) * 3;
}

Colour Image::at(int x, int y) const {
    const std::size_t first = offset(x, y);
    return {pixels_.at(first), pixels_.at(first + 1), pixels_.at(first + 2)};
}

void Image::set(int x, int y, Colour colour) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) {
        return;
    }
    std::uint8_t* pixel = pixels_.data() + offset(x, y);
    pixel[0] = colour.red;
    pixel[1] = colour.green;
    pixel[2] = colour.blue;
}

void Image::fill(int x, int y, int width, int height, Colour colour) {
    for (int row = y; row < y + height; ++row) {
        for (int column = x; column < x + width; ++column) {
            set(column, row, colour);
        }
    }
}

void Image::text(int x, int y, std::string_view text, Colour colour, int scale) {
    for (const char character : text) {
        const Glyph& glyph = glyph_of(character);
        for (int column = 0; column < kGlyphColumns; ++column) {
            for (int row = 0; row < kGlyphRows; ++row) {
                if ((glyph[static_cast<std::size_t>(column)] >> row & 1) != 0) {
                    fill(x + column * scale, y + row * scale, scale, scale, colour);
                }
            }
        }
        x += (kGlyphColumns + 1) * scale;
    }
}

int text_width(std::string_view text, int scale) {
    return std::max(0, (static_cast<int>(text.size()) * (kGlyphColumns + 1) - 1) * scale);
}

}  // namespace brain_mri
