#pragma once

#include <fastio/cuda/memory_resource.hpp>

#include <thrust/device_ptr.h>
#include <thrust/mr/allocator.h>
#include <thrust/mr/memory_resource.h>

#include <cstddef>
#include <utility>

namespace fastio::cuda {

/// memory_resource in the form that Thrust's allocators take. It outlives what is allocated through it, and is equal to
/// itself only.
class thrust_memory_resource final : public thrust::mr::memory_resource<thrust::device_ptr<void>> {
public:
    explicit thrust_memory_resource(fastio::cuda::memory_resource resource) : resource_(std::move(resource)) {}

    /// As memory_resource::allocation.
    [[nodiscard]] Allocation& allocation(const void* data) const { return resource_.allocation(data); }

    [[nodiscard]] pointer do_allocate(std::size_t bytes, std::size_t alignment) override {
        return pointer(resource_.allocate_sync(bytes, alignment));
    }
    void do_deallocate(pointer data, std::size_t bytes, std::size_t alignment) override {
        resource_.deallocate_sync(data.get(), bytes, alignment);
    }

private:
    fastio::cuda::memory_resource resource_;
};

/// For a thrust::device_vector in Fast I/O's memory:
///
///     fastio::cuda::memory_resource memory(context);
///     fastio::cuda::thrust_memory_resource resource(memory);
///     thrust::device_vector<float, fastio::cuda::allocator<float>> values(n, 0.0F, &resource);
///     memory.allocation(values.data().get()).publish("values");
template <class T>
using allocator = thrust::mr::allocator<T, thrust_memory_resource>;

}  // namespace fastio::cuda
