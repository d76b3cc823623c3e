#pragma once

#include <cuda_runtime_api.h>

namespace fastio::conformance {

// What no copy and no stream operation can ask. The emulator runs no kernels.

/// The byte at `at`, whatever allocation it belongs to, read by a kernel. Waits.
[[nodiscard]] cudaError_t read_by_kernel(const void* at, unsigned char& byte);
/// Queues a kernel that counts up the 64-bit word at `word` until its process is gone.
[[nodiscard]] cudaError_t launch_count_up(cudaStream_t stream, void* word);

}  // namespace fastio::conformance
