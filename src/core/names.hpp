#pragma once

#include <string_view>

namespace fastio {

/// Errors: invalid_argument unless `name` has 1 to 255 bytes of well-formed UTF-8 (no surrogates, no overlong forms,
/// nothing above U+10FFFF) without NUL. `what` names the thing in the message, e.g. "publication name" or "job".
void check_name(std::string_view name, std::string_view what = "publication name");

/// The same as a question, for input that came over the wire.
[[nodiscard]] bool is_valid_name(std::string_view name) noexcept;

}  // namespace fastio
