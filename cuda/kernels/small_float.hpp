#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/host_device.hpp"

namespace fastio::gpu {

/// A binary floating-point number of 16 bits: sign, exponent, mantissa, laid out as IEEE 754 does. All arithmetic is on
/// the bits, so that the host and every GPU give the same numbers.
template <int kExponentBits, int kMantissaBits>
struct SmallFloat {
    static_assert(1 + kExponentBits + kMantissaBits == 16);

    std::uint16_t bits = 0;

    /// Exact.
    [[nodiscard]] FASTIO_HOST_DEVICE double to_double() const {
        const std::uint64_t sign = std::uint64_t{bits} >> 15 << 63;
        const std::uint64_t exponent = bits >> kMantissaBits & kSpecial;
        const std::uint64_t mantissa = bits & kMantissaMask;
        const std::uint64_t widened = mantissa << (kDoubleMantissaBits - kMantissaBits);
        if (exponent == kSpecial) {
            return from_bits(sign | kDoubleSpecial << kDoubleMantissaBits | widened);
        }
        if (exponent == 0) {
            const auto steps = static_cast<double>(mantissa);
            const double step =
                from_bits(std::uint64_t{1 + kDoubleBias - kBias - kMantissaBits} << kDoubleMantissaBits);
            return sign != 0 ? -steps * step : steps * step;
        }
        return from_bits(sign | (exponent + kDoubleBias - kBias) << kDoubleMantissaBits | widened);
    }

    /// The nearest number, of two equally near ones the even one; infinite beyond the largest. NaN stays NaN.
    [[nodiscard]] FASTIO_HOST_DEVICE static SmallFloat nearest(double value) {
        std::uint64_t wide = 0;
        std::memcpy(&wide, &value, sizeof(wide));
        const auto sign = static_cast<std::uint16_t>(wide >> 63 << 15);
        const std::uint64_t double_exponent = wide >> kDoubleMantissaBits & kDoubleSpecial;
        const std::uint64_t mantissa = wide & ((std::uint64_t{1} << kDoubleMantissaBits) - 1);
        if (double_exponent == kDoubleSpecial && mantissa != 0) {
            return with(sign, kInfinity | 1U << (kMantissaBits - 1));
        }
        const int exponent = static_cast<int>(double_exponent) - kDoubleBias + kBias;
        if (exponent >= kSpecial) {
            return with(sign, kInfinity);
        }
        // Below the normal numbers each step down in the exponent costs a bit of the mantissa. A double that is itself
        // subnormal is far below the last one.
        const int dropped = kDoubleMantissaBits - kMantissaBits + (exponent > 0 ? 0 : 1 - exponent);
        if (dropped > kDoubleMantissaBits + 1) {
            return with(sign, 0);
        }
        const std::uint64_t significand = mantissa | std::uint64_t{1} << kDoubleMantissaBits;
        const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
        const std::uint64_t rest = significand & ((half << 1) - 1);
        auto kept = static_cast<std::uint32_t>(significand >> dropped);
        kept += rest > half || (rest == half && (kept & 1) != 0) ? 1 : 0;
        // `kept` has the leading one, which adds 1 to the exponent; so does a carry, up to infinity.
        return with(sign, (exponent > 0 ? static_cast<std::uint32_t>(exponent - 1) << kMantissaBits : 0) + kept);
    }

private:
    static constexpr int kBias = (1 << (kExponentBits - 1)) - 1;
    static constexpr int kSpecial = (1 << kExponentBits) - 1;  ///< the exponent of infinity and NaN
    static constexpr std::uint32_t kInfinity = std::uint32_t{kSpecial} << kMantissaBits;
    static constexpr std::uint32_t kMantissaMask = (1U << kMantissaBits) - 1;
    static constexpr int kDoubleMantissaBits = 52;
    static constexpr int kDoubleBias = 1023;
    static constexpr std::uint64_t kDoubleSpecial = 2047;

    [[nodiscard]] FASTIO_HOST_DEVICE static double from_bits(std::uint64_t wide) {
        double value = 0;
        std::memcpy(&value, &wide, sizeof(value));
        return value;
    }
    [[nodiscard]] FASTIO_HOST_DEVICE static SmallFloat with(std::uint16_t sign, std::uint32_t rest) {
        return {static_cast<std::uint16_t>(sign | rest)};
    }
};

using Float16 = SmallFloat<5, 10>;
using BFloat16 = SmallFloat<8, 7>;

}  // namespace fastio::gpu
