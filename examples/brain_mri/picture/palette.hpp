#pragma once

#include "picture/image.hpp"

namespace brain_mri::palette {

inline constexpr Colour kBackground{14, 17, 22};
inline constexpr Colour kPanel{0, 0, 0};
inline constexpr Colour kText{222, 228, 236};
inline constexpr Colour kFaintText{128, 138, 152};
inline constexpr Colour kGrid{38, 44, 54};
inline constexpr Colour kOutline{255, 176, 0};
inline constexpr Colour kBackgroundBar{92, 102, 118};
inline constexpr Colour kForegroundBar{70, 160, 220};

}  // namespace brain_mri::palette
