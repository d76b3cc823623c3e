#include "kernels/strided_copy.hpp"

#include <array>
#include <memory>

#include "core/fail.hpp"
#include "core/shape.hpp"
#include "kernels/arguments.hpp"
#include "kernels/copy_kernel.hpp"
#include "kernels/copy_work.hpp"
#include "kernels/launch.hpp"

namespace fastio::gpu {
namespace {

struct Copy {
    void* to;
    const void* from;
    CopyPlan plan;
};

/// The strided array's steps are in `from`, those of C order in `to`.
struct Layout {
    std::array<CopyAxis, kMaxDimensions> axes{};
    std::size_t rank = 0;
    std::uint64_t bytes = 0;
};

Layout checked(const char* call, const StridedLayout& layout) {
    const Shape shape = make_shape(layout.dimensions);
    const std::uint64_t count = element_count(shape);
    constexpr auto kMostBytes = static_cast<std::uint64_t>(INT64_MAX);
    if (layout.element_bytes == 0 || layout.element_bytes > kMostBytes || count > kMostBytes / layout.element_bytes) {
        fail(Errc::invalid_argument,
             "{} of {} elements of {} bytes: elements have at least one byte, arrays at most "
             "2^63 - 1",
             call, count, layout.element_bytes);
    }
    if (!layout.strides.empty() && layout.strides.size() != shape.rank) {
        fail(Errc::invalid_argument, "{} was given {} strides for {} dimensions: give one each, or none for C order",
             call, layout.strides.size(), shape.rank);
    }
    Layout result;
    if (count == 0) {
        result.axes[0].extent = 0;
        result.rank = 1;
        return result;
    }
    result.rank = shape.rank;
    result.bytes = count * layout.element_bytes;
    auto dense = static_cast<std::int64_t>(layout.element_bytes);
    for (std::size_t i = result.rank; i-- > 0;) {
        const std::int64_t extent = shape.extents[i];
        const std::int64_t stride = layout.strides.empty() ? dense : layout.strides[i];
        std::int64_t reach = 0;
        if (__builtin_mul_overflow(extent, stride, &reach) || reach == INT64_MIN) {
            fail(Errc::invalid_argument,
                 "{} was given a stride of {} bytes for dimension {} of {} elements: no array "
                 "is that large",
                 call, stride, i, extent);
        }
        result.axes[i] = {extent, dense, stride};
        dense *= extent;
    }
    return result;
}

Copy plan_gather(void* packed, const void* view, const StridedLayout& layout) {
    const Layout array = checked("gather", layout);
    check_address("gather", packed, array.bytes);
    check_address("gather", view, array.bytes);
    return {packed, view, plan_copy(array.axes.data(), array.rank, layout.element_bytes, packed, view)};
}

Copy plan_scatter(void* view, const void* packed, const StridedLayout& layout) {
    Layout array = checked("scatter", layout);
    check_address("scatter", view, array.bytes);
    check_address("scatter", packed, array.bytes);
    for (std::size_t i = 0; i < array.rank; ++i) {
        CopyAxis& axis = array.axes[i];
        if (axis.extent > 1 && axis.from == 0) {
            fail(Errc::invalid_argument,
                 "scatter was given a stride of 0 for dimension {} of {} elements: they would "
                 "all be written to one place",
                 i, axis.extent);
        }
        axis = {axis.extent, axis.from, axis.to};
    }
    return {view, packed, plan_copy(array.axes.data(), array.rank, layout.element_bytes, view, packed)};
}

void run(const Copy& copy, Stream stream) {
    const Launch launch(stream, "copying a strided array on the GPU");
    if (copy.plan.words > 0) {
        launch.check(launch_copy(copy.plan, copy.to, copy.from, launch.stream()));
    }
    launch.finish();
}

void run_on_host(const Copy& copy) {
    if (copy.plan.words == 0) {
        return;
    }
    visit_copy(
        copy.plan, copy.to, copy.from,
        [&](const auto& words) {
            for (std::uint64_t i = 0; i < copy.plan.words; ++i) {
                words(i);
            }
        },
        [&]<class Word>(const CopyTiles<Word>& tiles) {
            const auto shared = std::make_unique<Word[]>(CopyTiles<Word>::kSharedWords);
            for (std::uint64_t i = 0; i < tiles.count; ++i) {
                const auto tile = tiles.tile(i);
                for (unsigned thread = 0; thread < CopyTiles<Word>::kThreads; ++thread) {
                    tiles.load(tile, thread, shared.get());
                }
                for (unsigned thread = 0; thread < CopyTiles<Word>::kThreads; ++thread) {
                    tiles.store(tile, thread, shared.get());
                }
            }
        });
}

}  // namespace

void gather(void* packed, const void* view, const StridedLayout& layout, Stream stream) {
    run(plan_gather(packed, view, layout), stream);
}

void scatter(void* view, const void* packed, const StridedLayout& layout, Stream stream) {
    run(plan_scatter(view, packed, layout), stream);
}

void gather_on_host(void* packed, const void* view, const StridedLayout& layout) {
    run_on_host(plan_gather(packed, view, layout));
}

void scatter_on_host(void* view, const void* packed, const StridedLayout& layout) {
    run_on_host(plan_scatter(view, packed, layout));
}

}  // namespace fastio::gpu
