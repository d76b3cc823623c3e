#include "kernels/copy_plan.hpp"

#include <algorithm>
#include <span>

namespace fastio::gpu {
namespace {

constexpr std::uint64_t kWidestWord = 16;
constexpr std::uint64_t kDenseStep = 16;       // up to here half of every sector of 32 bytes that is read is of use
constexpr std::int64_t kSmallestTileSide = 8;  // below it a tile is mostly empty

std::uint64_t magnitude(std::int64_t step) {
    return step < 0 ? 0 - static_cast<std::uint64_t>(step) : static_cast<std::uint64_t>(step);
}

bool is_one_axis(const CopyAxis& outer, const CopyAxis& inner) {
    return outer.to == inner.to * inner.extent && outer.from == inner.from * inner.extent;
}

void sort(CopyPlan& plan) {
    const auto begin = plan.axes.begin();
    std::stable_sort(begin, begin + static_cast<std::ptrdiff_t>(plan.rank), [](const CopyAxis& a, const CopyAxis& b) {
        return magnitude(a.to) != magnitude(b.to) ? magnitude(a.to) > magnitude(b.to)
                                                  : magnitude(a.from) > magnitude(b.from);
    });
}

void join(CopyPlan& plan) {
    std::size_t rank = 0;
    for (std::size_t i = 0; i < plan.rank; ++i) {
        const CopyAxis axis = plan.axes[i];
        if (rank > 0 && is_one_axis(plan.axes[rank - 1], axis)) {
            plan.axes[rank - 1] = {plan.axes[rank - 1].extent * axis.extent, axis.to, axis.from};
        } else {
            plan.axes[rank++] = axis;
        }
    }
    plan.rank = rank;
}

/// Makes words of the innermost axis, which is a run of bytes, and gives it up if one word is left.
void choose_word(CopyPlan& plan, const void* to, const void* from) {
    CopyAxis& run = plan.axes[plan.rank - 1];
    std::uint64_t all = kWidestWord | static_cast<std::uint64_t>(run.extent) | reinterpret_cast<std::uintptr_t>(to) |
                        reinterpret_cast<std::uintptr_t>(from);
    for (std::size_t i = 0; i + 1 < plan.rank; ++i) {
        all |= magnitude(plan.axes[i].to) | magnitude(plan.axes[i].from);
    }
    plan.word_bytes = static_cast<std::size_t>(all & (0 - all));  // the lowest bit that any of them has
    const auto word = static_cast<std::int64_t>(plan.word_bytes);
    run = {run.extent / word, word, word};
    if (run.extent == 1) {
        --plan.rank;
    }
}

std::size_t axis_worth_a_tile(const CopyPlan& plan) {
    if (plan.rank < 2) {
        return CopyPlan::kNone;
    }
    const CopyAxis& written = plan.axes[plan.rank - 1];
    if (magnitude(written.from) <= kDenseStep || written.extent < kSmallestTileSide) {
        return CopyPlan::kNone;
    }
    for (std::size_t i = 0; i + 1 < plan.rank; ++i) {
        const CopyAxis& axis = plan.axes[i];
        if (axis.from != 0 && magnitude(axis.from) <= kDenseStep && axis.extent >= kSmallestTileSide) {
            return i;
        }
    }
    return CopyPlan::kNone;
}

}  // namespace

CopyPlan plan_copy(const CopyAxis* axes, std::size_t count, std::size_t element_bytes, const void* to,
                   const void* from) {
    CopyPlan plan;
    plan.words = element_bytes;
    for (const CopyAxis& axis : std::span(axes, count)) {
        plan.words *= static_cast<std::uint64_t>(axis.extent);
        if (axis.extent != 1) {
            plan.axes[plan.rank++] = axis;
        }
    }
    if (plan.words == 0) {
        plan.rank = 0;
        return plan;
    }
    sort(plan);
    plan.axes[plan.rank++] = {static_cast<std::int64_t>(element_bytes), 1, 1};
    join(plan);
    choose_word(plan, to, from);
    plan.words /= plan.word_bytes;
    plan.across = axis_worth_a_tile(plan);
    return plan;
}

}  // namespace fastio::gpu
