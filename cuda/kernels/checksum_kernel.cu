#include "kernels/checksum_kernel.hpp"

#include "kernels/for_each_index.cuh"

namespace fastio::gpu {
namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kTermsPerThread = 16;
constexpr unsigned kWholeWarp = 0xffffffffU;

__global__ void add_terms(const __grid_constant__ ChecksumTerms terms, unsigned long long* result) {
    const std::uint64_t step = std::uint64_t{gridDim.x} * blockDim.x;
    unsigned long long sum = 0;
    for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < terms.count(); i += step) {
        sum += terms(i);
    }
    // Every thread of the warp is here again, whatever number of terms it had.
    for (unsigned distance = 16; distance > 0; distance /= 2) {
        sum += __shfl_down_sync(kWholeWarp, sum, distance);
    }
    if (threadIdx.x % 32 == 0) {
        atomicAdd(result, sum);
    }
}

}  // namespace

cudaError_t launch_checksum(const ChecksumTerms& terms, std::uint64_t* result, cudaStream_t stream) {
    constexpr std::uint64_t kTermsPerBlock = std::uint64_t{kThreads} * kTermsPerThread;
    return launch(add_terms, (terms.count() + kTermsPerBlock - 1) / kTermsPerBlock, kThreads, stream, terms,
                  reinterpret_cast<unsigned long long*>(result));
}

}  // namespace fastio::gpu
