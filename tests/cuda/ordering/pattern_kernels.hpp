#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

/// What shows whether contents are read before they are complete: as kernels (pattern_kernels.cu), and as host
/// functions in stream order for the emulator, which runs no kernels (pattern_functions.cpp). Both throw
/// std::runtime_error where nothing could be queued.
namespace fastio::test {

/// Queues work that does nothing for so long and then writes `value` to each word.
void queue_late_fill(cudaStream_t stream, std::uint64_t* words, std::uint64_t count, std::uint64_t value,
                     std::uint64_t microseconds);

/// Queues work that adds to *wrong, in device memory, how many of the words are not `value`.
void queue_count_wrong(cudaStream_t stream, const std::uint64_t* words, std::uint64_t count, std::uint64_t value,
                       std::uint64_t* wrong);

}  // namespace fastio::test
