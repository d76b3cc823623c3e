#include "compute/on_host.hpp"

#include <algorithm>
#include <vector>

#include "compute/pixels.hpp"

namespace frames {

void make_on_host(std::uint64_t sequence, std::int64_t height, std::int64_t width, std::span<std::uint8_t> frame) {
    std::uint8_t* out = frame.data();
    for (std::int64_t y = 0; y < height; ++y) {
        for (std::int64_t x = 0; x < width; ++x) {
            *out++ = pixel(sequence, y, x);
        }
    }
}

void infer_on_host(std::int64_t height, std::int64_t width, std::span<const std::uint8_t> frame,
                   std::span<float> result) {
    const std::uint8_t* in = frame.data();
    float* out = result.data();
    for (std::int64_t y = 0; y < height; ++y) {
        std::uint32_t sum = 0;
        for (std::int64_t x = 0; x < width; ++x) {
            sum += *in;
            *out++ = normalised(*in++);
        }
        *out++ = score(sum, width);
    }
}

bool is_result_of(std::uint64_t sequence, std::int64_t height, std::int64_t width, std::span<const float> result) {
    std::vector<std::uint8_t> frame(static_cast<std::size_t>(height * width));
    std::vector<float> expected(static_cast<std::size_t>(height * (width + 1)));
    make_on_host(sequence, height, width, frame);
    infer_on_host(height, width, frame, expected);
    return std::equal(expected.begin(), expected.end(), result.begin(), result.end());
}

}  // namespace frames
