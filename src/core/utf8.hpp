#pragma once

#include <string_view>

namespace fastio {

/// True for well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms, nothing above U+10FFFF)
/// without NUL. Empty text is well-formed.
[[nodiscard]] bool is_text(std::string_view bytes) noexcept;

}  // namespace fastio
