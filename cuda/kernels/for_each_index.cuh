#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

namespace fastio::gpu {

/// The widest grid that is launched; what is left over is taken in further rounds.
inline constexpr std::uint64_t kMaxBlocks = 1U << 16;

/// A launch of `blocks` blocks, at least one and at most kMaxBlocks. Errors of the launch itself come back at once;
/// those of the kernel are the stream's.
template <class... Parameters, class... Arguments>
[[nodiscard]] cudaError_t launch(void (*kernel)(Parameters...), std::uint64_t blocks, unsigned threads,
                                 cudaStream_t stream, const Arguments&... arguments) {
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(static_cast<unsigned>(std::clamp<std::uint64_t>(blocks, 1, kMaxBlocks)));
    config.blockDim = dim3(threads);
    config.stream = stream;
    return cudaLaunchKernelEx(&config, kernel, arguments...);
}

/// Neighbouring threads take neighbouring indices, so accesses that follow the index are coalesced. The operation stays
/// in constant memory, where a table in it can be indexed; a copy per thread would be in local memory.
template <class Operation>
__global__ void for_each_index_kernel(std::uint64_t count, const __grid_constant__ Operation operation) {
    const std::uint64_t step = std::uint64_t{gridDim.x} * blockDim.x;
    for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) {
        operation(i);
    }
}

/// Calls operation(i) on the GPU for every i below `count`, in no order.
template <class Operation>
[[nodiscard]] cudaError_t for_each_index(std::uint64_t count, const Operation& operation, cudaStream_t stream) {
    constexpr unsigned kThreads = 256;
    if (count == 0) {
        return cudaSuccess;
    }
    return launch(for_each_index_kernel<Operation>, (count + kThreads - 1) / kThreads, kThreads, stream, count,
                  operation);
}

}  // namespace fastio::gpu
