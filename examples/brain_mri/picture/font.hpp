#pragma once

#include <array>
#include <cstdint>

namespace brain_mri {

inline constexpr int kGlyphColumns = 5;
inline constexpr int kGlyphRows = 9;

/// The columns of one character from the left; bit 0 is the uppermost dot, bit 6 lies on the base line, bits 7 and 8
/// below it.
using Glyph = std::array<std::uint16_t, kGlyphColumns>;

/// The glyph of a printable ASCII character, and that of '?' for everything else.
[[nodiscard]] const Glyph& glyph_of(char character);

}  // namespace brain_mri
