#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/host_device.hpp"

namespace fastio::gpu {

/// What a fill writes, cut into work items: aligned words of eight bytes, then the bytes before and behind them.
///
/// *Invariant.* The bytes of a fill repeat every `element` bytes, so its words repeat every lcm(element, 8) bytes,
/// which is at most 256 for every element that a DataType describes. `words` holds one such period, beginning with the
/// first aligned word.
struct FillWords {
    unsigned char* head = nullptr;
    unsigned char* aligned = nullptr;  ///< the first aligned word
    unsigned char* tail = nullptr;
    std::uint64_t count = 0;       ///< of aligned words
    std::uint32_t head_bytes = 0;  ///< before them, below 8
    std::uint32_t tail_bytes = 0;  ///< behind them, below 8
    std::uint32_t period = 1;      ///< words
    std::uint64_t words[32]{};
    unsigned char head_values[8]{};
    unsigned char tail_values[8]{};

    [[nodiscard]] FASTIO_HOST_DEVICE std::uint64_t items() const { return count + head_bytes + tail_bytes; }

    FASTIO_HOST_DEVICE void operator()(std::uint64_t item) const {
        if (item < count) {
            // A division of 64 bits takes longer than the store, and most elements fit a word.
            // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): period is 1 at least
            const std::uint64_t word = words[period == 1 ? 0 : item % period];
            std::memcpy(__builtin_assume_aligned(aligned + item * sizeof(word), sizeof(word)), &word, sizeof(word));
            return;
        }
        const std::uint64_t rest = item - count;
        if (rest < head_bytes) {
            head[rest] = head_values[rest];
        } else {
            tail[rest - head_bytes] = tail_values[rest - head_bytes];
        }
    }
};

}  // namespace fastio::gpu
