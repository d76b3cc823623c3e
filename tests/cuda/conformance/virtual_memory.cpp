#include "virtual_memory.hpp"

#include <algorithm>

#include "calls.hpp"

namespace fastio::conformance {
namespace {

void must_driver(CUresult code, const char* attempt) {
    must(static_cast<cudaError_t>(code), attempt);
}

}  // namespace

void* map_virtual_memory(std::size_t bytes) {
    using Granularity = decltype(&cuMemGetAllocationGranularity);
    CUmemAllocationProp properties{};
    properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    properties.location = {CU_MEM_LOCATION_TYPE_DEVICE, 0};
    std::size_t granularity = 0;
    must_driver(driver_function<Granularity>("cuMemGetAllocationGranularity")(&granularity, &properties,
                                                                              CU_MEM_ALLOC_GRANULARITY_MINIMUM),
                "cuMemGetAllocationGranularity");
    const std::size_t whole = (bytes + granularity - 1) / granularity * granularity;
    CUmemGenericAllocationHandle memory{};
    must_driver(driver_function<decltype(&cuMemCreate)>("cuMemCreate")(&memory, whole, &properties, 0), "cuMemCreate");
    CUdeviceptr address = 0;
    must_driver(driver_function<decltype(&cuMemAddressReserve)>("cuMemAddressReserve")(&address, whole, 0, 0, 0),
                "cuMemAddressReserve");
    must_driver(driver_function<decltype(&cuMemMap)>("cuMemMap")(address, whole, 0, memory, 0), "cuMemMap");
    CUmemAccessDesc access{};
    access.location = properties.location;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    must_driver(driver_function<decltype(&cuMemSetAccess)>("cuMemSetAccess")(address, whole, &access, 1),
                "cuMemSetAccess");
    return reinterpret_cast<void*>(address);
}

}  // namespace fastio::conformance
