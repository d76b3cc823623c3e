#pragma once

#include <cstdint>

#include <fastio/data_type.hpp>

namespace fastio::gpu {

/// Bytes of `count` elements of `type`. Errors: invalid_argument (no such type, more than 2^63 - 1 bytes); `call` is
/// for the message, here and below.
[[nodiscard]] std::uint64_t checked_bytes(const char* call, std::uint64_t count, DataType type);

/// Errors: invalid_argument (no address for more than 0 bytes).
void check_address(const char* call, const void* address, std::uint64_t bytes);

}  // namespace fastio::gpu
