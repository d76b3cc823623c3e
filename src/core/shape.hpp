#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <fastio/data_type.hpp>

#include "core/limits.hpp"
#include "core/type_widths.hpp"

namespace fastio {

/// Up to eight dimensions, outermost first. A value; empty is a scalar.
struct Shape {
    std::array<std::int64_t, kMaxDimensions> extents{};
    std::uint32_t rank = 0;

    [[nodiscard]] std::span<const std::int64_t> span() const noexcept { return {extents.data(), rank}; }
    friend bool operator==(const Shape&, const Shape&) = default;
};

/// Checks and copies. Errors: invalid_argument (more than 8 dimensions, or a negative one).
[[nodiscard]] Shape make_shape(std::span<const std::int64_t> dimensions);

/// Elements: 1 for a scalar, 0 as soon as one extent is 0. Errors: invalid_argument when the product of the non-zero
/// extents leaves 63 bits (an empty array with absurd extents is refused like any other).
[[nodiscard]] std::uint64_t element_count(const Shape& shape);

/// Bytes of `shape` elements of `type`. Errors: invalid_argument (invalid type, overflow of 63 bits).
[[nodiscard]] std::uint64_t size_bytes(DataType type, const Shape& shape);

/// Whether such an array is one that size_bytes() takes and needs at most so many bytes. For what comes from elsewhere,
/// on the path of every get.
[[nodiscard]] inline bool fits(DataType type, const Shape& shape, std::uint64_t bytes) noexcept {
    if (!is_known(type) || shape.rank > kMaxDimensions) {
        return false;
    }
    auto product = static_cast<std::int64_t>(type.size_bytes());
    bool empty = false;
    for (const std::int64_t extent : shape.span()) {
        if (extent < 0 || (extent > 0 && __builtin_mul_overflow(product, extent, &product))) {
            return false;
        }
        empty |= extent == 0;
    }
    return empty || static_cast<std::uint64_t>(product) <= bytes;
}

}  // namespace fastio
