#pragma once

#include <string>
#include <string_view>

namespace fastio {

/// True for well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms, nothing above U+10FFFF)
/// without NUL. Empty text is well-formed.
[[nodiscard]] bool is_text(std::string_view bytes) noexcept;

/// For messages: in double quotes, without control characters; of what is no text each byte above 0x7E is written as
/// \xNN. (fmt 9's {:?}, in the copy inside libspdlog.so, ends the program for bytes that are not UTF-8.) Errors: std::bad_alloc.
[[nodiscard]] std::string quoted_text(std::string_view bytes);

}  // namespace fastio
