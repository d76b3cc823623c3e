#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace fastio::test {

/// Bytes as text of two hexadecimal digits each, and back. from_hex throws std::invalid_argument.
[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);
[[nodiscard]] std::vector<std::byte> from_hex(const std::string& text);

}  // namespace fastio::test
