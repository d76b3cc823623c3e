#pragma once

#include <string>
#include <string_view>

#include "wire/socket.hpp"

namespace fastio::service {

/// Thrown for a message that no honest client sends: its sender's session is cut.
struct Malformed {
    std::string what{};  ///< completes "cut: ..."
};

/// The text, or Malformed when its length is out of range.
template <std::size_t Capacity>
[[nodiscard]] std::string_view text_of(const wire::Text<Capacity>& text) {
    const std::optional<std::string_view> value = wire::get_text(text);
    if (!value) {
        throw Malformed{fmt::format("a text of {} bytes in a field of {}", text.bytes, Capacity)};
    }
    return *value;
}

}  // namespace fastio::service
