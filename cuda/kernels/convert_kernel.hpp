#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include <fastio/data_type.hpp>

namespace fastio::gpu {

/// Queues the conversion of `count` elements of one lane. The types are among those that visit_element knows.
[[nodiscard]] cudaError_t launch_convert(void* to, DataType to_type, const void* from, DataType from_type,
                                         std::uint64_t count, cudaStream_t stream);

}  // namespace fastio::gpu
