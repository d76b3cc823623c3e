#include "cuda/interface/thrust_in_fastio_memory.hpp"

#include <fastio/cuda/thrust.hpp>
#include <fastio/cuda/thrust_allocator.hpp>

#include <thrust/device_vector.h>
#include <thrust/execution_policy.h>
#include <thrust/reduce.h>
#include <thrust/sequence.h>
#include <thrust/transform.h>

#include "cuda/interface/concepts.hpp"

namespace fastio::test {
namespace {

struct Doubled {
    __host__ __device__ std::int64_t operator()(std::int64_t value) const { return 2 * value; }
};

}  // namespace

void publish_sequence(Context& context, const char* name, std::int64_t count) {
    cuda::memory_resource memory(context);
    cuda::thrust_memory_resource resource(memory);
    thrust::device_vector<std::int64_t, cuda::allocator<std::int64_t>> values(static_cast<std::size_t>(count),
                                                                              std::int64_t{0}, &resource);
    thrust::sequence(values.begin(), values.end());
    Allocation& block = memory.allocation(values.data().get());
    block.set_type_and_dimensions(int64, {count});
    block.publish(name);
}

std::int64_t sum_of(Context& context, const char* name) {
    const Allocation values = context.get(name, {.stream = cudaStreamPerThread});
    return thrust::reduce(thrust::cuda::par.on(cudaStreamPerThread), cuda::cbegin<std::int64_t>(values),
                          cuda::cend<std::int64_t>(values));
}

void double_in_place(Context& context, const char* name) {
    Allocation values = context.get(name, {.stream = cudaStreamPerThread});
    thrust::transform(thrust::cuda::par_nosync.on(cudaStreamPerThread), cuda::cbegin<std::int64_t>(values),
                      cuda::cend<std::int64_t>(values), cuda::begin<std::int64_t>(values), Doubled{});
    values.publish(name, {.stream = cudaStreamPerThread, .replace = true});
    values.release(cudaStreamPerThread);
}

}  // namespace fastio::test
