#pragma once

#include <cstdint>
#include <span>

namespace frames {

/// The host's computation, over whole images in its memory.
void make_on_host(std::uint64_t sequence, std::int64_t height, std::int64_t width, std::span<std::uint8_t> frame);
void infer_on_host(std::int64_t height, std::int64_t width, std::span<const std::uint8_t> frame,
                   std::span<float> result);

/// Whether `result` is that of the frame `sequence`.
[[nodiscard]] bool is_result_of(std::uint64_t sequence, std::int64_t height, std::int64_t width,
                                std::span<const float> result);

}  // namespace frames
