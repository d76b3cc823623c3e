#include "compute/gather.hpp"

#include <thrust/device_vector.h>
#include <thrust/execution_policy.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/transform.h>

namespace brain_mri {

namespace {

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

template <class T>
void gather_values(const std::vector<T>& raw, const Order& order, double slope, double intercept,
                   VolumeView<float> out) {
    const thrust::device_vector<T> on_device(raw.begin(), raw.end());
    thrust::transform(thrust::device, thrust::counting_iterator<Index>(0),
                      thrust::counting_iterator<Index>(out.extents.count()), out.data,
                      GatherVoxel<T>{thrust::raw_pointer_cast(on_device.data()), order, out.extents, slope, intercept});
}

}  // namespace

void gather(const RawValues& raw, const Order& order, double slope, double intercept, VolumeView<float> out) {
    std::visit([&](const auto& values) { gather_values(values, order, slope, intercept, out); }, raw);
}

}  // namespace brain_mri
