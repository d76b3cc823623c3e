#pragma once

#include <string>
#include <string_view>

namespace fastio {

/// True for well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms, nothing above U+10FFFF)
/// without NUL. Empty text is well-formed.
[[nodiscard]] bool is_text(std::string_view bytes) noexcept;

/// On one line, and without anything that a terminal obeys: each byte of a control character, and of what is no
/// character at all, is written as \xNN. Well-formed UTF-8. Errors: std::bad_alloc.
[[nodiscard]] std::string printable(std::string_view bytes);

/// The same in double quotes, with a backslash before each of those and each backslash. (fmt 9's {:?}, in the copy
/// inside libspdlog.so, ends the program for bytes that are not UTF-8.)
[[nodiscard]] std::string quoted_text(std::string_view bytes);

}  // namespace fastio
