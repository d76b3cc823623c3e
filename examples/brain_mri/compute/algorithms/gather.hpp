#pragma once

#include <thrust/tabulate.h>

#include <variant>

#include "compute/gather.hpp"

namespace brain_mri::algorithms {

template <class T>
struct GatherVoxel {
    const T* raw;
    Order order;
    Extents extents;
    double slope;
    double intercept;

    BRAIN_MRI_HOST_DEVICE float operator()(Index voxel) const {
        const Index row = voxel / extents.x;
        const std::int64_t x = voxel - row * extents.x;
        const std::int64_t y = row % extents.y;
        const std::int64_t z = row / extents.y;
        const T value = raw[order.first + z * order.z_step + y * order.y_step + x * order.x_step];
        return static_cast<float>(slope * static_cast<double>(value) + intercept);
    }
};

template <class System>
void gather(const System& system, const RawValues& raw, const Order& order, double slope, double intercept,
            VolumeView<float> out) {
    std::visit(
        [&]<class T>(const std::vector<T>& values) {
            const auto copy = system.copy_of(values);
            thrust::tabulate(system.policy(), out.data, out.data + out.extents.count(),
                             GatherVoxel<T>{copy.data(), order, out.extents, slope, intercept});
        },
        raw);
}

}  // namespace brain_mri::algorithms
