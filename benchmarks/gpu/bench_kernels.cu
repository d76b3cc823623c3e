#include "bench_kernels.hpp"

namespace fastio::gpu_bench {
namespace {

__device__ std::uint64_t gpu_time() {
    std::uint64_t time = 0;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(time));
    return time;
}

__global__ void spin(std::uint64_t nanoseconds) {
    const std::uint64_t start = gpu_time();
    while (gpu_time() - start < nanoseconds) {
    }
}

__global__ void stamp(volatile std::uint64_t* word) {
    *word = gpu_time();
}

__global__ void clock_step(volatile std::uint64_t* word) {
    constexpr int kSteps = 64;
    constexpr int kMostLooks = 1 << 26;  // a clock that stands still does not hang the GPU
    std::uint64_t least = ~std::uint64_t{0};
    std::uint64_t last = gpu_time();
    for (int step = 0, look = 0; step < kSteps && look < kMostLooks; ++look) {
        const std::uint64_t now = gpu_time();
        if (now != last) {
            least = now - last < least ? now - last : least;
            last = now;
            ++step;
        }
    }
    *word = least;
}

__global__ void count_up(volatile std::uint64_t* word, std::uint64_t nanoseconds) {
    const std::uint64_t start = gpu_time();
    std::uint64_t count = 0;
    while (gpu_time() - start < nanoseconds) {
        if (blockIdx.x == 0) {
            *word = ++count;
            __threadfence_system();
        }
    }
}

// Fewer than the multiprocessors of any GPU that this is meant for, so that no block waits for another one's end.
constexpr unsigned kBusyBlocks = 16;

}  // namespace

cudaError_t launch_spin(std::uint64_t nanoseconds, cudaStream_t stream) {
    spin<<<1, 1, 0, stream>>>(nanoseconds);
    return cudaGetLastError();
}

cudaError_t launch_stamp(std::uint64_t* word, cudaStream_t stream) {
    stamp<<<1, 1, 0, stream>>>(word);
    return cudaGetLastError();
}

cudaError_t launch_clock_step(std::uint64_t* word, cudaStream_t stream) {
    clock_step<<<1, 1, 0, stream>>>(word);
    return cudaGetLastError();
}

cudaError_t launch_count_up(std::uint64_t* word, std::uint64_t nanoseconds, cudaStream_t stream) {
    count_up<<<kBusyBlocks, 1, 0, stream>>>(word, nanoseconds);
    return cudaGetLastError();
}

}  // namespace fastio::gpu_bench
