#include "operators/volumes.hpp"

#include <fmt/format.h>

namespace brain_mri {

namespace {

[[noreturn]] void refuse(fastio::Errc code, const fastio::Allocation& allocation, const std::string& cause) {
    throw fastio::Error(code, fmt::format("using '{}' as a volume: {}", allocation.name(), cause));
}

bool is_gpus(const std::string& device) {
    return device != "host";
}

}  // namespace

bool detail::is_reached(const fastio::Allocation& allocation, const Processor& processor) {
    if (processor.is_gpu() && !is_gpus(allocation.device())) {
        refuse(fastio::Errc::unsupported, allocation,
               "it is in the host's memory, and this operator computes on a GPU; run all operators of a job on one "
               "device ($FASTIO_DEVICE)");
    }
    return processor.is_gpu() == is_gpus(allocation.device());
}

bool detail::is_reached(const fastio::Context& context, const Processor& processor) {
    return processor.is_gpu() == is_gpus(context.device());
}

Extents extents_of(const fastio::Allocation& allocation, fastio::DataType type) {
    const auto dimensions = allocation.dimensions();
    if (allocation.type() != type || dimensions.size() != 3) {
        refuse(fastio::Errc::invalid_argument, allocation,
               fmt::format("it is {} with {} dimensions, not {} with 3", to_string(allocation.type()),
                           dimensions.size(), to_string(type)));
    }
    std::int64_t voxels = 1;
    for (const std::int64_t extent : dimensions) {
        if (extent < 1) {
            refuse(fastio::Errc::invalid_argument, allocation, "it is empty");
        }
        if (extent > kMaxVoxels / voxels) {
            refuse(fastio::Errc::unsupported, allocation,
                   fmt::format("{} x {} x {} voxels are more than {}", dimensions[0], dimensions[1], dimensions[2],
                               kMaxVoxels));
        }
        voxels *= extent;
    }
    return {static_cast<Index>(dimensions[0]), static_cast<Index>(dimensions[1]), static_cast<Index>(dimensions[2])};
}

void check_same_extents(const Extents& a, const std::string& name_a, const Extents& b, const std::string& name_b) {
    if (a != b) {
        throw fastio::Error(fastio::Errc::invalid_argument,
                            fmt::format("'{}' has {} x {} x {} voxels and '{}' {} x {} x {}; they must be equal",
                                        name_a, a.z, a.y, a.x, name_b, b.z, b.y, b.x));
    }
}

}  // namespace brain_mri
