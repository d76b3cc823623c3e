#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/copy_plan.hpp"
#include "kernels/host_device.hpp"

namespace fastio::gpu {

/// The widest word that a thread moves at once.
struct alignas(16) Word16 {
    std::uint64_t low;
    std::uint64_t high;
};

template <class Word>
[[nodiscard]] FASTIO_HOST_DEVICE Word load_word(const unsigned char* from) {
    Word word;
    std::memcpy(&word, __builtin_assume_aligned(from, sizeof(Word)), sizeof(Word));
    return word;
}

template <class Word>
FASTIO_HOST_DEVICE void store_word(unsigned char* to, Word word) {
    std::memcpy(__builtin_assume_aligned(to, sizeof(Word)), &word, sizeof(Word));
}

/// Calls visitor(Word{}) with the type of `bytes` bytes.
template <class Visitor>
void visit_word(std::size_t bytes, const Visitor& visitor) {
    switch (bytes) {
        case 1:
            return visitor(std::uint8_t{});
        case 2:
            return visitor(std::uint16_t{});
        case 4:
            return visitor(std::uint32_t{});
        case 8:
            return visitor(std::uint64_t{});
        default:
            return visitor(Word16{});
    }
}

/// Where the words of a plan lie: how many axes, their extents, their steps.
struct CopyAxes {
    std::uint64_t extents[CopyPlan::kMaxAxes]{};
    std::int64_t to[CopyPlan::kMaxAxes]{};
    std::int64_t from[CopyPlan::kMaxAxes]{};
    std::uint32_t rank = 0;
};

/// Bytes from the two arrays' first elements.
struct CopyOffsets {
    std::int64_t to = 0;
    std::int64_t from = 0;
};

/// The offsets of element `index`, counted with the last axis running fastest. Index is of 32 bits where that is
/// enough: a division of 64 bits takes several times as long.
template <class Index>
[[nodiscard]] FASTIO_HOST_DEVICE CopyOffsets offsets_of(const CopyAxes& axes, Index index) {
    CopyOffsets offsets;
    for (std::uint32_t i = axes.rank; i > 0; --i) {
        const auto extent = static_cast<Index>(axes.extents[i - 1]);
        const Index outer = index / extent;
        const auto position = static_cast<std::int64_t>(index - outer * extent);
        offsets.to += position * axes.to[i - 1];
        offsets.from += position * axes.from[i - 1];
        index = outer;
    }
    return offsets;
}

/// Word i of a copy, for plans without tiles.
template <class Word, class Index>
struct CopyWords {
    unsigned char* to;
    const unsigned char* from;
    CopyAxes axes;

    FASTIO_HOST_DEVICE void operator()(std::uint64_t i) const {
        const CopyOffsets offsets = offsets_of(axes, static_cast<Index>(i));
        store_word(to + offsets.to, load_word<Word>(from + offsets.from));
    }
};

}  // namespace fastio::gpu
