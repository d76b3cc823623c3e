#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/limits.hpp"

namespace fastio::gpu {

/// One dimension of a copy between two strided arrays: steps in bytes.
struct CopyAxis {
    std::int64_t extent = 1;
    std::int64_t to = 0;
    std::int64_t from = 0;
    friend bool operator==(const CopyAxis&, const CopyAxis&) = default;
};

/// A copy between two strided arrays, in the form in which it is cheapest. The order in which elements are visited does
/// not matter to a copy, so axes may be sorted, joined and cut.
///
/// *Invariants.*
/// 1. The last axis is the densest one in `to`: its neighbours are written side by side.
/// 2. No axis has one element, and no two neighbouring axes could be one.
/// 3. Addresses and steps are multiples of word_bytes, which is 1, 2, 4, 8 or 16.
struct CopyPlan {
    static constexpr std::size_t kMaxAxes = kMaxDimensions + 1;  // the bytes of an element are an axis, too

    std::array<CopyAxis, kMaxAxes> axes{};
    std::size_t rank = 0;
    std::uint64_t words = 0;  ///< to be copied
    std::size_t word_bytes = 1;
    std::size_t across = kNone;  ///< the axis that neighbours in `from` follow, where it is worth a tile; else kNone

    static constexpr std::size_t kNone = SIZE_MAX;
};

/// `count` axes (at most 8) of elements; `to` and `from` are addresses, of which only the alignment is looked at. The
/// number of bytes and every extent times step fit 63 bits.
[[nodiscard]] CopyPlan plan_copy(const CopyAxis* axes, std::size_t count, std::size_t element_bytes, const void* to,
                                 const void* from);

}  // namespace fastio::gpu
