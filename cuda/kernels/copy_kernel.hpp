#pragma once

#include <cuda_runtime_api.h>

#include "kernels/copy_plan.hpp"

namespace fastio::gpu {

/// Queues the copy.
[[nodiscard]] cudaError_t launch_copy(const CopyPlan& plan, void* to, const void* from, cudaStream_t stream);

}  // namespace fastio::gpu
