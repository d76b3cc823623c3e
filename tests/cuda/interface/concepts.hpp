#pragma once

#include <fastio/cuda/memory_resource.hpp>

/// What CCCL's containers ask of a resource, by the names of the version that is compiled with. For both compilers.
namespace fastio::test {

using Resource = fastio::cuda::memory_resource;
using Accessible = ::cuda::mr::device_accessible;

static_assert(!::cuda::mr::resource_with<Resource, ::cuda::mr::host_accessible>);
#if CCCL_VERSION >= 3'001'000
static_assert(::cuda::mr::synchronous_resource_with<Resource, Accessible>);
static_assert(::cuda::mr::resource_with<Resource, Accessible>);
using ResourceRef = ::cuda::mr::resource_ref<Accessible>;
#else
static_assert(::cuda::mr::resource_with<Resource, Accessible>);
static_assert(::cuda::mr::async_resource_with<Resource, Accessible>);
using ResourceRef = ::cuda::mr::async_resource_ref<Accessible>;
#endif
static_assert(std::is_constructible_v<ResourceRef, Resource&>);
static_assert(std::is_copy_constructible_v<Resource> && std::is_nothrow_move_constructible_v<Resource>);

}  // namespace fastio::test
