#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <fastio/allocation.hpp>

namespace fastio {

/// Encodes as, per pair in key order: u16 key bytes, u16 value bytes, key, value (little-endian). Errors:
/// invalid_argument (over 4,096 bytes encoded, an empty key, key or value with NUL or malformed UTF-8).
[[nodiscard]] std::vector<std::byte> encode_attributes(const Attributes& attributes);

/// The inverse, on bytes that nobody vouches for. Errors: corrupt_input.
[[nodiscard]] Attributes decode_attributes(std::span<const std::byte> bytes);

}  // namespace fastio
