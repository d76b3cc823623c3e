#include "core/names.hpp"

#include "core/fail.hpp"
#include "core/limits.hpp"
#include "core/utf8.hpp"

namespace fastio {

bool is_valid_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= kMaxNameBytes && is_text(name);
}

void check_name(std::string_view name, std::string_view what) {
    if (name.empty()) {
        fail(Errc::invalid_argument, "the {} is empty: give 1 to {} bytes of UTF-8", what, kMaxNameBytes);
    }
    if (name.size() > kMaxNameBytes) {
        fail(Errc::invalid_argument, "the {} has {} bytes, the limit is {}: shorten it; it starts with {}", what,
             name.size(), kMaxNameBytes, quoted_text(name.substr(0, 32)));
    }
    if (name.find('\0') != std::string_view::npos) {
        fail(Errc::invalid_argument, "the {} {} has a NUL at byte {}: remove it", what, quoted_text(name),
             name.find('\0'));
    }
    if (!is_text(name)) {
        fail(Errc::invalid_argument, "the {} {} is not well-formed UTF-8: encode it as UTF-8", what, quoted_text(name));
    }
}

}  // namespace fastio
