#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace fastio::gpu_bench {

/// Kernels of the benchmarks. Each ends by the GPU's own clock, so that none can hang it. `word` is a 64-bit word that
/// the GPU reaches: pinned host memory by its device address, or device memory. The clock (%globaltimer, nanoseconds)
/// is one for all processes on a GPU.

/// Runs for `nanoseconds`.
cudaError_t launch_spin(std::uint64_t nanoseconds, cudaStream_t stream);

/// Writes the GPU's time.
cudaError_t launch_stamp(std::uint64_t* word, cudaStream_t stream);

/// Writes the least step, in nanoseconds, in which the GPU's time was seen to change.
cudaError_t launch_clock_step(std::uint64_t* word, cudaStream_t stream);

/// Counts up in `word`, as fast as it can, for `nanoseconds`; meanwhile other blocks keep other parts of the GPU busy.
cudaError_t launch_count_up(std::uint64_t* word, std::uint64_t nanoseconds, cudaStream_t stream);

}  // namespace fastio::gpu_bench
