#pragma once

#include <cstdint>

#include "kernels/copy_words.hpp"

namespace fastio::gpu {

/// A copy whose neighbours in `from` are not neighbours in `to`, as in a transposition. A block of threads takes square
/// tiles of kSide x kSide words: it reads a tile along `across`, the dense axis of `from`, and, when every thread has,
/// writes it along `along`, the dense axis of `to`. Both are coalesced then; the turn happens in memory that the block
/// shares.
template <class Word>
struct CopyTiles {
    static constexpr unsigned kSide = 32;
    static constexpr unsigned kThreads = 256;
    static constexpr unsigned kPitch = kSide + 1;  ///< words per row: a column then spreads over all banks
    static constexpr unsigned kSharedWords = kSide * kPitch;

    struct Tile {
        std::uint64_t along = 0;  ///< index of the first word
        std::uint64_t across = 0;
        CopyOffsets rest{};  ///< of the other axes
    };

    unsigned char* to;
    const unsigned char* from;
    CopyAxes others;  ///< the axes that are neither along nor across
    CopyAxis along;
    CopyAxis across;
    std::uint64_t count;  ///< of tiles

    [[nodiscard]] FASTIO_HOST_DEVICE static std::uint64_t tiles_over(std::int64_t extent) {
        return (static_cast<std::uint64_t>(extent) + kSide - 1) / kSide;
    }

    [[nodiscard]] FASTIO_HOST_DEVICE Tile tile(std::uint64_t index) const {
        const std::uint64_t row = index / tiles_over(along.extent);
        const std::uint64_t plane = row / tiles_over(across.extent);
        return {(index - row * tiles_over(along.extent)) * kSide, (row - plane * tiles_over(across.extent)) * kSide,
                offsets_of(others, plane)};
    }

    /// What `thread` does first. `shared` holds kSharedWords words.
    FASTIO_HOST_DEVICE void load(const Tile& tile, unsigned thread, Word* shared) const {
        const unsigned column = thread % kSide;
        const auto j = static_cast<std::int64_t>(tile.across + column);
        for (unsigned row = thread / kSide; row < kSide; row += kThreads / kSide) {
            const auto i = static_cast<std::int64_t>(tile.along + row);
            if (i < along.extent && j < across.extent) {
                shared[row * kPitch + column] =
                    load_word<Word>(from + tile.rest.from + i * along.from + j * across.from);
            }
        }
    }

    /// What `thread` does once all have loaded.
    FASTIO_HOST_DEVICE void store(const Tile& tile, unsigned thread, const Word* shared) const {
        const unsigned column = thread % kSide;
        const auto i = static_cast<std::int64_t>(tile.along + column);
        for (unsigned row = thread / kSide; row < kSide; row += kThreads / kSide) {
            const auto j = static_cast<std::int64_t>(tile.across + row);
            if (i < along.extent && j < across.extent) {
                store_word(to + tile.rest.to + i * along.to + j * across.to, shared[column * kPitch + row]);
            }
        }
    }
};

}  // namespace fastio::gpu
