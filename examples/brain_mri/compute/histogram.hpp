#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace brain_mri {

inline constexpr std::size_t kBins = 256;

/// How often values fall into each of kBins equal parts of [low, high]. Bin k holds low + k * width() <= value <
/// low + (k + 1) * width(); the last one also holds `high`.
struct Histogram {
    float low = 0;
    float high = 0;
    std::array<std::uint64_t, kBins> counts{};

    [[nodiscard]] double width() const { return (static_cast<double>(high) - static_cast<double>(low)) / kBins; }
    /// The upper edge of bin `k`.
    [[nodiscard]] double upper_edge(std::size_t k) const { return low + static_cast<double>(k + 1) * width(); }
};

}  // namespace brain_mri
