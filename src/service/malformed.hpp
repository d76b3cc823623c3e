#pragma once

#include <stdexcept>
#include <string_view>

#include "wire/socket.hpp"

namespace fastio::service {

/// Thrown for a message that no honest client sends: its sender's session is cut. what() completes "cut: ...".
class Malformed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
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
