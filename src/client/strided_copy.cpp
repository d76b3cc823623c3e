#include "client/strided_copy.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace fastio::detail {
namespace {

constexpr std::int64_t kTile = 32;  // elements per side: two tiles of 16-byte elements fit the first-level cache

struct Dimension {
    std::int64_t extent = 1;
    std::int64_t from = 0;  // bytes per step
    std::int64_t to = 0;
};

// Two dimensions in order of their steps in `to`; elements of a size that the compiler knows.
template <std::size_t Bytes>
void copy_plane_of(std::byte* to, const std::byte* from, const Dimension& outer, const Dimension& inner) noexcept {
    for (std::int64_t row_start = 0; row_start < outer.extent; row_start += kTile) {
        const std::int64_t row_end = std::min(outer.extent, row_start + kTile);
        for (std::int64_t start = 0; start < inner.extent; start += kTile) {
            const std::int64_t end = std::min(inner.extent, start + kTile);
            for (std::int64_t row = row_start; row < row_end; ++row) {
                for (std::int64_t at = start; at < end; ++at) {
                    std::memcpy(to + row * outer.to + at * inner.to, from + row * outer.from + at * inner.from, Bytes);
                }
            }
        }
    }
}

void copy_plane(std::byte* to, const std::byte* from, const Dimension& outer, const Dimension& inner,
                std::size_t element_bytes) noexcept {
    switch (element_bytes) {
        case 1:
            return copy_plane_of<1>(to, from, outer, inner);
        case 2:
            return copy_plane_of<2>(to, from, outer, inner);
        case 4:
            return copy_plane_of<4>(to, from, outer, inner);
        case 8:
            return copy_plane_of<8>(to, from, outer, inner);
        case 16:
            return copy_plane_of<16>(to, from, outer, inner);
        default:
            for (std::int64_t row = 0; row < outer.extent; ++row) {
                for (std::int64_t at = 0; at < inner.extent; ++at) {
                    std::memcpy(to + row * outer.to + at * inner.to, from + row * outer.from + at * inner.from,
                                element_bytes);
                }
            }
    }
}

std::int64_t magnitude(std::int64_t step) noexcept {
    return step < 0 ? -step : step;
}

}  // namespace

Shape c_order_strides(const Shape& shape, std::uint64_t element_bytes) noexcept {
    Shape strides;
    strides.rank = shape.rank;
    auto step = static_cast<std::int64_t>(element_bytes);
    for (std::uint32_t i = shape.rank; i-- > 0;) {
        strides.extents[i] = step;
        step *= std::max<std::int64_t>(shape.extents[i], 1);
    }
    return strides;
}

bool is_c_order(const Shape& shape, std::span<const std::int64_t> strides, std::uint64_t element_bytes) noexcept {
    const Shape dense = c_order_strides(shape, element_bytes);
    for (std::uint32_t i = 0; i < shape.rank; ++i) {
        if (shape.extents[i] > 1 && strides[i] != dense.extents[i]) {
            return false;
        }
    }
    return true;
}

void copy_to_c_order(std::byte* to, const std::byte* from, const Shape& shape, std::span<const std::int64_t> strides,
                     std::uint64_t element_bytes) noexcept {
    const Shape dense = c_order_strides(shape, element_bytes);
    // Outermost first, without dimensions of one element, and with those joined that are one in both arrays.
    std::array<Dimension, kMaxDimensions> dimensions{};
    std::size_t rank = 0;
    for (std::uint32_t i = 0; i < shape.rank; ++i) {
        const Dimension dimension{shape.extents[i], strides[i], dense.extents[i]};
        if (dimension.extent == 0) {
            return;
        }
        if (dimension.extent == 1) {
            continue;
        }
        Dimension* const last = rank > 0 ? &dimensions[rank - 1] : nullptr;
        if (last != nullptr && last->from == dimension.from * dimension.extent) {
            *last = {last->extent * dimension.extent, dimension.from, dimension.to};
        } else {
            dimensions[rank++] = dimension;
        }
    }
    std::size_t chunk = element_bytes;
    if (rank > 0 && dimensions[rank - 1].from == static_cast<std::int64_t>(element_bytes)) {
        chunk *= static_cast<std::size_t>(dimensions[--rank].extent);
    }
    // The plane: the innermost dimension of `to` and the densest other one of `from`. The rest is counted through.
    const Dimension inner = rank > 0 ? dimensions[--rank] : Dimension{};
    Dimension outer{};
    if (rank > 0) {
        auto* const densest = std::min_element(
            dimensions.begin(), dimensions.begin() + static_cast<std::ptrdiff_t>(rank),
            [](const Dimension& a, const Dimension& b) { return magnitude(a.from) < magnitude(b.from); });
        outer = *densest;
        std::rotate(densest, densest + 1, dimensions.begin() + static_cast<std::ptrdiff_t>(rank));
        --rank;
    }
    std::array<std::int64_t, kMaxDimensions> index{};
    for (;;) {
        copy_plane(to, from, outer, inner, chunk);
        std::size_t i = rank;
        for (; i > 0; --i) {
            const Dimension& dimension = dimensions[i - 1];
            to += dimension.to;
            from += dimension.from;
            if (++index[i - 1] < dimension.extent) {
                break;
            }
            to -= dimension.to * dimension.extent;
            from -= dimension.from * dimension.extent;
            index[i - 1] = 0;
        }
        if (i == 0) {
            return;
        }
    }
}

}  // namespace fastio::detail
