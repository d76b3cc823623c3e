#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace brain_mri {

struct Colour {
    std::uint8_t red = 0;
    std::uint8_t green = 0;
    std::uint8_t blue = 0;
    friend bool operator==(const Colour&, const Colour&) = default;
};

/// A picture of 8-bit RGB pixels, row by row from the top. What is drawn outside of it is cut off.
class Image {
public:
    Image(int width, int height, Colour background);

    [[nodiscard]] int width() const { return width_; }
    [[nodiscard]] int height() const { return height_; }
    [[nodiscard]] Colour at(int x, int y) const;
    [[nodiscard]] const std::uint8_t* data() const { return pixels_.data(); }

    void set(int x, int y, Colour colour);
    void fill(int x, int y, int width, int height, Colour colour);

    /// Writes ASCII text; (x, y) is the upper left corner of its capitals, and each dot of the font is `scale` pixels
    /// wide.
    void text(int x, int y, std::string_view text, Colour colour, int scale = 2);

private:
    [[nodiscard]] std::size_t offset(int x, int y) const;

    int width_;
    int height_;
    std::vector<std::uint8_t> pixels_;
};

/// Pixels that a text takes: six dots per character, the gap after the last one left out.
[[nodiscard]] int text_width(std::string_view text, int scale = 2);
/// Pixels that capitals and digits take: seven dots. Letters such as g reach two dots further down.
[[nodiscard]] constexpr int text_height(int scale = 2) {
    return 7 * scale;
}

}  // namespace brain_mri
