#pragma once

#include <cstdint>

#include "kernels/copy_tiles.hpp"
#include "kernels/copy_words.hpp"

namespace fastio::gpu {

/// Calls words(CopyWords<Word, Index>) or tiles(CopyTiles<Word>), whichever the plan is for.
template <class Words, class Tiles>
void visit_copy(const CopyPlan& plan, void* to, const void* from, const Words& words, const Tiles& tiles) {
    auto* const to_bytes = static_cast<unsigned char*>(to);
    const auto* const from_bytes = static_cast<const unsigned char*>(from);
    const bool in_tiles = plan.across != CopyPlan::kNone;
    CopyAxes axes;
    for (std::size_t i = 0; i < plan.rank; ++i) {
        if (!in_tiles || (i != plan.across && i != plan.rank - 1)) {
            axes.extents[axes.rank] = static_cast<std::uint64_t>(plan.axes[i].extent);
            axes.to[axes.rank] = plan.axes[i].to;
            axes.from[axes.rank] = plan.axes[i].from;
            ++axes.rank;
        }
    }
    visit_word(plan.word_bytes, [&]<class Word>(Word) {
        if (in_tiles) {
            const CopyAxis along = plan.axes[plan.rank - 1];
            const CopyAxis across = plan.axes[plan.across];
            using Copy = CopyTiles<Word>;
            const std::uint64_t planes = plan.words / static_cast<std::uint64_t>(along.extent * across.extent);
            tiles(Copy{to_bytes, from_bytes, axes, along, across,
                       planes * Copy::tiles_over(along.extent) * Copy::tiles_over(across.extent)});
        } else if (plan.words <= UINT32_MAX) {
            words(CopyWords<Word, std::uint32_t>{to_bytes, from_bytes, axes});
        } else {
            words(CopyWords<Word, std::uint64_t>{to_bytes, from_bytes, axes});
        }
    });
}

}  // namespace fastio::gpu
