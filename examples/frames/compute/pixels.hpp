#pragma once

#include <cstdint>

// These run on the host and, as nvcc compiles them, on the GPU too.
#if defined(__CUDACC__)
#define FRAMES_HOST_DEVICE __host__ __device__
#else
#define FRAMES_HOST_DEVICE
#endif

/// What is in a frame and in a result, so that everybody can check it: both follow from the sequence number alone, and
/// every step is exact, so that the host and a GPU compute the same bits.
namespace frames {

/// A frame is uint8 {height, width}.
FRAMES_HOST_DEVICE inline std::uint8_t pixel(std::uint64_t sequence, std::int64_t y, std::int64_t x) {
    return static_cast<std::uint8_t>(31 * sequence + 5 * static_cast<std::uint64_t>(y) +
                                     3 * static_cast<std::uint64_t>(x));
}

/// A result is float32 {height, width + 1}: each row's pixels, from 0 to 1, and behind them the row's score, which is
/// their mean.
FRAMES_HOST_DEVICE inline float normalised(std::uint8_t value) {
    return static_cast<float>(value) / 255.0F;
}

/// `sum` is that of a row's bytes, and at most 2^24: a float holds it exactly.
FRAMES_HOST_DEVICE inline float score(std::uint32_t sum, std::int64_t width) {
    return static_cast<float>(sum) / (255.0F * static_cast<float>(width));
}

inline constexpr std::int64_t kMostWidth = (std::int64_t{1} << 24) / 255;

}  // namespace frames
