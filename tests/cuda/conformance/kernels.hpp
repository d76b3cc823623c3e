#pragma once

#include <cuda_runtime_api.h>

namespace fastio::conformance {

// What no copy and no stream operation can ask. The emulator runs no kernels.

/// The byte at `at`, whatever allocation it belongs to, read by a kernel. Waits.
[[nodiscard]] cudaError_t read_by_kernel(const void* at, unsigned char& byte);
/// By then a kernel has ended by itself, should a GPU not end it with its process.
constexpr int kCountUpSeconds = 5;
/// Queues a kernel that counts up the 64-bit word at `word` for that long, or until its process is gone.
[[nodiscard]] cudaError_t launch_count_up(cudaStream_t stream, void* word);
/// Queues a kernel that sets the byte at `at` to 1, and that nothing else launches.
[[nodiscard]] cudaError_t launch_set_byte(cudaStream_t stream, void* at);

}  // namespace fastio::conformance
