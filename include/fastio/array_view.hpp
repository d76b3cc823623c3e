#pragma once

#include <cstdint>
#include <vector>

#include <fastio/data_type.hpp>

namespace fastio {

/// A host array that somebody else owns, as publish_array takes it.
struct ArrayView {
    const void* data = nullptr;              ///< the element at index (0, ..., 0)
    DataType type = uint8;                   ///< of one element
    std::vector<std::int64_t> dimensions{};  ///< elements per dimension, outermost first; empty for a scalar
    std::vector<std::int64_t> strides{};     ///< bytes from one index to the next, per dimension; may be negative or 0;
                                             ///< empty means C order
};

}  // namespace fastio
