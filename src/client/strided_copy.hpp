#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/shape.hpp"

namespace fastio::detail {

/// The strides, in bytes, of an array in C order.
[[nodiscard]] Shape c_order_strides(const Shape& shape, std::uint64_t element_bytes) noexcept;

/// True when an array with these strides lies in memory as in C order. Strides of extents 0 and 1 do not count.
[[nodiscard]] bool is_c_order(const Shape& shape, std::span<const std::int64_t> strides,
                              std::uint64_t element_bytes) noexcept;

/// Copies an array into C order. `from` is the element at index (0, ..., 0); `strides`, one per dimension, are in bytes
/// and may be negative, 0 or unaligned. Arrays whose innermost dimension is not the densest one, such as Fortran order,
/// are copied in tiles that fit the cache.
void copy_to_c_order(std::byte* to, const std::byte* from, const Shape& shape, std::span<const std::int64_t> strides,
                     std::uint64_t element_bytes) noexcept;

}  // namespace fastio::detail
