#pragma once

#include <cstdint>

namespace fastio {

/// The smallest multiple of `granularity`, a power of two, that is not below `value`; 0 where that would be 2^64.
[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t granularity) noexcept {
    return (value + granularity - 1) & ~(granularity - 1);
}

/// The largest multiple of `granularity`, a power of two, that is not above `value`.
[[nodiscard]] constexpr std::uint64_t round_down(std::uint64_t value, std::uint64_t granularity) noexcept {
    return value & ~(granularity - 1);
}

}  // namespace fastio
