#include "kernels/copy_kernel.hpp"

#include "kernels/copy_work.hpp"
#include "kernels/for_each_index.cuh"

namespace fastio::gpu {
namespace {

template <class Word>
__global__ void copy_tiles(const __grid_constant__ CopyTiles<Word> copy) {
    __shared__ Word shared[CopyTiles<Word>::kSharedWords];
    // The number of rounds is the same for all threads of a block, so all of them meet at both barriers.
    for (std::uint64_t i = blockIdx.x; i < copy.count; i += gridDim.x) {
        const auto tile = copy.tile(i);
        copy.load(tile, threadIdx.x, shared);
        __syncthreads();
        copy.store(tile, threadIdx.x, shared);
        __syncthreads();
    }
}

}  // namespace

cudaError_t launch_copy(const CopyPlan& plan, void* to, const void* from, cudaStream_t stream) {
    cudaError_t code = cudaSuccess;
    visit_copy(
        plan, to, from, [&]<class Words>(const Words& words) { code = for_each_index(plan.words, words, stream); },
        [&]<class Word>(const CopyTiles<Word>& tiles) {
            code = launch(copy_tiles<Word>, tiles.count, CopyTiles<Word>::kThreads, stream, tiles);
        });
    return code;
}

}  // namespace fastio::gpu
