#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "compute/volume.hpp"

namespace brain_mri {

/// Values in host memory, of one of the types that a volume file may hold.
using RawValues =
    std::variant<std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::uint16_t>,
                 std::vector<std::int16_t>, std::vector<std::uint32_t>, std::vector<std::int32_t>,
                 std::vector<std::uint64_t>, std::vector<std::int64_t>, std::vector<float>, std::vector<double>>;

/// Where the voxel (z, y, x) of the result lies in the file's order: at first + z * z_step + y * y_step + x * x_step.
/// Steps are negative where the file runs the other way.
struct Order {
    std::int64_t first = 0;
    std::int64_t z_step = 0;
    std::int64_t y_step = 0;
    std::int64_t x_step = 0;
};

}  // namespace brain_mri
