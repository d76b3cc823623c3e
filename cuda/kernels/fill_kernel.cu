#include "kernels/fill_kernel.hpp"

#include "kernels/for_each_index.cuh"

namespace fastio::gpu {

cudaError_t launch_fill(const FillWords& words, cudaStream_t stream) {
    return for_each_index(words.items(), words, stream);
}

}  // namespace fastio::gpu
