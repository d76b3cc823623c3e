#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/host_device.hpp"
#include "kernels/small_float.hpp"

/// The conversion of one element, by the rules of convert.hpp. A value is widened to one of three types without loss
/// and then narrowed, so that there are rules for three types and not for every pair.
namespace fastio::gpu {

/// A byte that is true unless it is 0, as in DLPack.
struct Boolean {
    std::uint8_t byte = 0;
};

/// Constants and not calls, which nvcc allows in host code only.
template <class T>
inline constexpr T kLowest = std::numeric_limits<T>::min();
template <class T>
inline constexpr T kHighest = std::numeric_limits<T>::max();

template <class T>
inline constexpr bool kIsSmallFloat = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

/// double, std::int64_t or std::uint64_t.
template <class From>
[[nodiscard]] FASTIO_HOST_DEVICE auto widened(From value) {
    if constexpr (kIsSmallFloat<From>) {
        return value.to_double();
    } else if constexpr (std::is_same_v<From, Boolean>) {
        return std::uint64_t{value.byte != 0};
    } else if constexpr (std::is_floating_point_v<From>) {
        return static_cast<double>(value);
    } else if constexpr (std::is_signed_v<From>) {
        return static_cast<std::int64_t>(value);
    } else {
        return static_cast<std::uint64_t>(value);
    }
}

template <class To>
[[nodiscard]] FASTIO_HOST_DEVICE To to_integer(double value) {
    // 2^digits is the first number above all: the highest itself may not be a double.
    constexpr To kMost = kHighest<To>;
    constexpr double kBeyond = 2.0 * static_cast<double>((kMost >> 1) + 1);
    if (value >= kBeyond) {
        return kHighest<To>;
    }
    if (value <= static_cast<double>(kLowest<To>)) {
        return kLowest<To>;
    }
    return value < kBeyond ? static_cast<To>(value) : To{0};  // NaN compares with nothing
}

template <class To>
[[nodiscard]] FASTIO_HOST_DEVICE To to_integer(std::uint64_t value) {
    constexpr auto kMost = static_cast<std::uint64_t>(kHighest<To>);
    return static_cast<To>(value < kMost ? value : kMost);
}

template <class To>
[[nodiscard]] FASTIO_HOST_DEVICE To to_integer(std::int64_t value) {
    if (value >= 0) {
        return to_integer<To>(static_cast<std::uint64_t>(value));
    }
    constexpr std::int64_t kLeast{kLowest<To>};
    return static_cast<To>(value > kLeast ? value : kLeast);
}

/// A double that rounds to the same number of 16 bits as `value` does. Beyond 53 bits it is not the nearest one:
/// rounding twice would err where the first rounding ends halfway between two results. What is cut off is kept as a
/// sticky bit.
[[nodiscard]] FASTIO_HOST_DEVICE inline double for_rounding(std::uint64_t value) {
    if (value >> 53 == 0) {
        return static_cast<double>(value);
    }
    const std::uint64_t cut = value & 0x7ffU;
    return static_cast<double>((value ^ cut) | (cut != 0 ? 0x800U : 0U));
}

[[nodiscard]] FASTIO_HOST_DEVICE inline double for_rounding(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    return value < 0 ? -for_rounding(0 - bits) : for_rounding(bits);
}

[[nodiscard]] FASTIO_HOST_DEVICE inline double for_rounding(double value) {
    return value;
}

template <class To, class From>
[[nodiscard]] FASTIO_HOST_DEVICE To convert_value(From from) {
    const auto value = widened(from);
    if constexpr (kIsSmallFloat<To>) {
        return To::nearest(for_rounding(value));
    } else if constexpr (std::is_same_v<To, Boolean>) {
        return {static_cast<std::uint8_t>(value != 0 ? 1 : 0)};
    } else if constexpr (std::is_floating_point_v<To>) {
        return static_cast<To>(value);
    } else {
        return to_integer<To>(value);
    }
}

}  // namespace fastio::gpu
