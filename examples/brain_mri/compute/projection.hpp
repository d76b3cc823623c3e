#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "compute/volume.hpp"

namespace brain_mri {

enum class Axis : std::uint8_t { z, y, x };

/// An image in host memory, `rows` x `columns` in C order.
template <class T>
struct Plane {
    Index rows = 0;
    Index columns = 0;
    std::vector<T> values{};

    [[nodiscard]] const T& at(Index row, Index column) const {
        return values[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                      static_cast<std::size_t>(column)];
    }
};

}  // namespace brain_mri
