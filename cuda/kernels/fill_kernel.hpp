#pragma once

#include <cuda_runtime_api.h>

#include "kernels/fill_words.hpp"

namespace fastio::gpu {

/// Queues the fill.
[[nodiscard]] cudaError_t launch_fill(const FillWords& words, cudaStream_t stream);

}  // namespace fastio::gpu
