#include "core/shape.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "core/fail.hpp"

namespace fastio {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

void check_dimensions(std::span<const std::int64_t> dimensions) {
    if (dimensions.size() > kMaxDimensions) {
        fail(Errc::invalid_argument, "an array of {} dimensions was given, the limit is {}: merge some of them",
             dimensions.size(), kMaxDimensions);
    }
    for (const std::int64_t extent : dimensions) {
        if (extent < 0) {
            fail(Errc::invalid_argument, "the dimensions [{}] have a negative one: give 0 or more elements",
                 fmt::join(dimensions, ", "));
        }
    }
}

/// The span() of a shape whose rank may come from elsewhere.
std::span<const std::int64_t> checked_span(const Shape& shape) {
    if (shape.rank > kMaxDimensions) {
        fail(Errc::invalid_argument, "an array of {} dimensions was given, the limit is {}: merge some of them",
             shape.rank, kMaxDimensions);
    }
    check_dimensions(shape.span());
    return shape.span();
}

/// `unit` times the non-zero extents, or 0 when that leaves 63 bits.
std::uint64_t bounded_product(std::uint64_t unit, std::span<const std::int64_t> dimensions) noexcept {
    std::uint64_t product = unit;
    for (const std::int64_t extent : dimensions) {
        if (extent == 0) {
            continue;
        }
        const auto factor = static_cast<std::uint64_t>(extent);
        if (product > kMost / factor) {
            return 0;
        }
        product *= factor;
    }
    return product;
}

bool is_empty(std::span<const std::int64_t> dimensions) noexcept {
    return std::find(dimensions.begin(), dimensions.end(), 0) != dimensions.end();
}

}  // namespace

Shape make_shape(std::span<const std::int64_t> dimensions) {
    check_dimensions(dimensions);
    Shape shape;
    std::copy(dimensions.begin(), dimensions.end(), shape.extents.begin());
    shape.rank = static_cast<std::uint32_t>(dimensions.size());
    return shape;
}

std::uint64_t element_count(const Shape& shape) {
    const auto dimensions = checked_span(shape);
    const std::uint64_t product = bounded_product(1, dimensions);
    if (product == 0) {
        fail(Errc::invalid_argument, "the dimensions [{}] have more than 2^63 - 1 elements: give smaller ones",
             fmt::join(dimensions, ", "));
    }
    return is_empty(dimensions) ? 0 : product;
}

std::uint64_t size_bytes(DataType type, const Shape& shape) {
    if (!is_valid(type)) {
        fail(Errc::invalid_argument, "{} is no element type: use one of the constants of fastio/data_type.hpp",
             to_string(type));
    }
    const auto dimensions = checked_span(shape);
    const std::uint64_t product = bounded_product(type.size_bytes(), dimensions);
    if (product == 0) {
        fail(Errc::invalid_argument, "an array [{}] of {} takes more than 2^63 - 1 bytes: give smaller dimensions",
             fmt::join(dimensions, ", "), to_string(type));
    }
    return is_empty(dimensions) ? 0 : product;
}

}  // namespace fastio
