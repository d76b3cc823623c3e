#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/checksum_terms.hpp"

namespace fastio::gpu {

/// Queues result += the sum of all terms.
[[nodiscard]] cudaError_t launch_checksum(const ChecksumTerms& terms, std::uint64_t* result, cudaStream_t stream);

}  // namespace fastio::gpu
