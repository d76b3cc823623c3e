#include "kernels.hpp"

namespace fastio::conformance {
namespace {

__device__ unsigned char read_back;

__device__ unsigned long long nanoseconds() {
    unsigned long long now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    return now;
}

__global__ void read_one(const unsigned char* at) {
    read_back = *at;
}

__global__ void count_up(volatile unsigned long long* word, unsigned long long duration) {
    const unsigned long long start = nanoseconds();
    while (nanoseconds() - start < duration) {
        *word = *word + 1;
    }
}

__global__ void set_byte(unsigned char* at) {
    *at = 1;
}

}  // namespace

cudaError_t read_by_kernel(const void* at, unsigned char& byte) {
    read_one<<<1, 1>>>(static_cast<const unsigned char*>(at));
    cudaError_t code = cudaGetLastError();
    if (code == cudaSuccess) {
        code = cudaDeviceSynchronize();
    }
    return code == cudaSuccess ? cudaMemcpyFromSymbol(&byte, read_back, 1) : code;
}

cudaError_t launch_count_up(cudaStream_t stream, void* word) {
    constexpr unsigned long long kDuration = 1'000'000'000ULL * kCountUpSeconds;
    count_up<<<1, 1, 0, stream>>>(static_cast<unsigned long long*>(word), kDuration);
    return cudaGetLastError();
}

cudaError_t launch_set_byte(cudaStream_t stream, void* at) {
    set_byte<<<1, 1, 0, stream>>>(static_cast<unsigned char*>(at));
    return cudaGetLastError();
}

}  // namespace fastio::conformance
