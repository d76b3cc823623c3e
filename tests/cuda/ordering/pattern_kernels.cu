#include "cuda/ordering/pattern_kernels.hpp"

#include <stdexcept>
#include <string>

namespace fastio::test {
namespace {

// Few enough to be on the GPU all at once, so that no block begins when others are done.
constexpr unsigned kBlocks = 64;
constexpr unsigned kThreads = 256;

using Word = unsigned long long;

__device__ Word now_ns() {
    Word now = 0;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    return now;
}

__global__ void late_fill(Word* words, Word count, Word value, Word nanoseconds) {
    const Word start = now_ns();
    while (now_ns() - start < nanoseconds) {
    }
    for (Word i = Word{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += Word{gridDim.x} * blockDim.x) {
        words[i] = value;
    }
}

__global__ void count_wrong(const Word* words, Word count, Word value, Word* wrong) {
    Word found = 0;
    for (Word i = Word{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += Word{gridDim.x} * blockDim.x) {
        found += words[i] != value ? 1 : 0;
    }
    if (found != 0) {
        atomicAdd(wrong, found);
    }
}

void check_launch(const char* kernel) {
    if (const cudaError_t code = cudaGetLastError(); code != cudaSuccess) {
        throw std::runtime_error(std::string(kernel) + ": " + cudaGetErrorName(code));
    }
}

}  // namespace

void queue_late_fill(cudaStream_t stream, std::uint64_t* words, std::uint64_t count, std::uint64_t value,
                     std::uint64_t microseconds) {
    late_fill<<<kBlocks, kThreads, 0, stream>>>(reinterpret_cast<Word*>(words), count, value, microseconds * 1000);
    check_launch("late_fill");
}

void queue_count_wrong(cudaStream_t stream, const std::uint64_t* words, std::uint64_t count, std::uint64_t value,
                       std::uint64_t* wrong) {
    count_wrong<<<kBlocks, kThreads, 0, stream>>>(reinterpret_cast<const Word*>(words), count, value,
                                                  reinterpret_cast<Word*>(wrong));
    check_launch("count_wrong");
}

}  // namespace fastio::test
