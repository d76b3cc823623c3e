#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include <fastio/data_type.hpp>

namespace fastio {

inline constexpr std::uint16_t kMaxLanes = 16;

/// By code, the widths in bits that it may have: each is a power of two, and so a bit of its own.
inline constexpr auto kTypeWidths = [] {
    std::array<std::uint8_t, 256> widths{};
    for (const DataType type : {bool_,         int8,
                                int16,         int32,
                                int64,         uint8,
                                uint16,        uint32,
                                uint64,        float16,
                                bfloat16,      float32,
                                float64,       complex64,
                                complex128,    float8_e3m4,
                                float8_e4m3,   float8_e4m3b11fnuz,
                                float8_e4m3fn, float8_e4m3fnuz,
                                float8_e5m2,   float8_e5m2fnuz,
                                float8_e8m0fnu}) {
        widths[static_cast<std::uint8_t>(type.code)] |= type.bits;
    }
    return widths;
}();

/// What the public is_valid says. Inline and without a search, because get asks for each array.
[[nodiscard]] inline bool is_known(DataType type) noexcept {
    return type.lanes >= 1 && type.lanes <= kMaxLanes && std::has_single_bit(type.bits) &&
           (kTypeWidths[static_cast<std::uint8_t>(type.code)] & type.bits) != 0;
}

}  // namespace fastio
