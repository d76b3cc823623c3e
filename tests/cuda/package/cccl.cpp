// The headers for CUDA with any version of CCCL: they compile, and the resource is what that version's containers ask
// for.
#include <fastio/cuda/memory_resource.hpp>
#include <fastio/cuda/thrust.hpp>
#include <fastio/cuda/thrust_allocator.hpp>

#include "cuda/interface/concepts.hpp"

namespace fastio::test {

thrust::device_ptr<float> first_of(const Allocation& allocation) {
    return cuda::begin<float>(allocation);
}

thrust::device_ptr<void> taken_from(Context& context) {
    cuda::thrust_memory_resource memory{cuda::memory_resource(context)};
    return memory.allocate(1024);
}

}  // namespace fastio::test
