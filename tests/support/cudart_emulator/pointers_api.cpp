// What a pointer points to.

#include <cuda.h>

#include "support/cudart_emulator/call.hpp"
#include "support/cudart_emulator/driver_functions.hpp"

namespace emulator {
namespace {

using Lock = Streams::Lock;

/// The answer to one question about a pointer, in the type that the attribute has.
struct Pointee {
    const DeviceMemory::Piece* device = nullptr;
    const HostMemory::Range* host = nullptr;
    std::uintptr_t start = 0;
    int ordinal = 0;

    Pointee(Process& process, const void* pointer) {
        device = process.memory.find(pointer, &start);
        if (device == nullptr) {
            host = process.host.find(pointer, 1, &start);
        }
        if (device != nullptr) {
            ordinal = process.devices.ordinal(device->gpu);
        } else if (host != nullptr) {
            ordinal = host->device;
        }
    }
    [[nodiscard]] bool is_known() const { return device != nullptr || host != nullptr; }
    [[nodiscard]] bool is_managed() const { return host != nullptr && host->kind == HostMemory::Kind::managed; }
    [[nodiscard]] std::uint64_t bytes() const { return device != nullptr ? device->bytes : host->bytes; }
    [[nodiscard]] bool is_exportable() const { return device != nullptr && device->kind == DeviceMemory::Kind::owned; }
};

void answer(const Pointee& pointee, CUpointer_attribute attribute, void* data, const void* pointer) {
    const auto put = [data](auto value) { *static_cast<decltype(value)*>(data) = value; };
    switch (attribute) {
        case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
            return put(pointee.device != nullptr || pointee.is_managed() ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST);
        case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
            return put(reinterpret_cast<CUdeviceptr>(pointer));
        case CU_POINTER_ATTRIBUTE_HOST_POINTER:
            refuse_if(pointee.host == nullptr, cudaErrorInvalidValue);
            return put(pointer);
        case CU_POINTER_ATTRIBUTE_BUFFER_ID:
        case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
            return put(
                static_cast<unsigned long long>(pointee.device != nullptr ? pointee.device->id : pointee.host->id));
        case CU_POINTER_ATTRIBUTE_IS_MANAGED:
            return put(static_cast<unsigned>(pointee.is_managed()));
        case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
            return put(pointee.ordinal);
        case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
            return put(static_cast<unsigned>(pointee.is_exportable()));
        case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
            return put(static_cast<CUdeviceptr>(pointee.start));
        case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
            return put(static_cast<std::size_t>(pointee.bytes()));
        case CU_POINTER_ATTRIBUTE_MAPPED:
            return put(1U);
        case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
            return put(static_cast<unsigned long long>(CU_MEM_HANDLE_TYPE_NONE));
        case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE: {
            // Only whether there is one: pools are not modelled.
            static int pool = 0;
            const bool pooled = pointee.device != nullptr && pointee.device->kind == DeviceMemory::Kind::pool;
            return put(pooled ? reinterpret_cast<CUmemoryPool>(&pool) : nullptr);
        }
        default:
            refuse(cudaErrorNotSupported);
    }
}

}  // namespace

CUresult CUDAAPI pointer_get_attribute(void* data, CUpointer_attribute attribute, CUdeviceptr pointer) {
    return driver_call("cuPointerGetAttribute", [&](Process& process, Lock&) {
        const auto* const address = reinterpret_cast<const void*>(pointer);
        const Pointee pointee(process, address);
        refuse_if(data == nullptr || !pointee.is_known(), cudaErrorInvalidValue);
        answer(pointee, attribute, data, address);
    });
}

// Unlike the one above it answers for unknown pointers too: zeros.
CUresult CUDAAPI pointer_get_attributes(unsigned count, CUpointer_attribute* attributes, void** data,
                                        CUdeviceptr pointer) {
    return driver_call("cuPointerGetAttributes", [&](Process& process, Lock&) {
        refuse_if(attributes == nullptr || data == nullptr, cudaErrorInvalidValue);
        const auto* const address = reinterpret_cast<const void*>(pointer);
        const Pointee pointee(process, address);
        for (unsigned i = 0; i < count; ++i) {
            if (pointee.is_known()) {
                answer(pointee, attributes[i], data[i], address);
            } else if (attributes[i] == CU_POINTER_ATTRIBUTE_BUFFER_ID ||
                       attributes[i] == CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE ||
                       attributes[i] == CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES) {
                *static_cast<std::uint64_t*>(data[i]) = 0;
            } else {
                *static_cast<unsigned*>(data[i]) = 0;
            }
        }
    });
}

CUresult CUDAAPI mem_get_address_range(CUdeviceptr* base, std::size_t* bytes, CUdeviceptr pointer) {
    return driver_call("cuMemGetAddressRange", [&](Process& process, Lock&) {
        const Pointee pointee(process, reinterpret_cast<const void*>(pointer));
        refuse_if(pointee.device == nullptr, cudaErrorInvalidValue);
        if (base != nullptr) {
            *base = pointee.start;
        }
        if (bytes != nullptr) {
            *bytes = pointee.device->bytes;
        }
    });
}

}  // namespace emulator

extern "C" {

// Host memory that nobody registered is no error since CUDA 11; nor is a pointer that was freed.
cudaError_t CUDARTAPI cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
    return emulator::call(__func__, [&](emulator::Process& process, emulator::Streams::Lock&) {
        emulator::refuse_if(attributes == nullptr, cudaErrorInvalidValue);
        const emulator::Pointee pointee(process, pointer);
        auto* const address = const_cast<void*>(pointer);
        *attributes = {};
        attributes->device = pointee.is_known() ? pointee.ordinal : cudaInvalidDeviceId;
        if (pointee.device != nullptr) {
            attributes->type = cudaMemoryTypeDevice;
            attributes->devicePointer = address;
        } else if (pointee.host != nullptr) {
            attributes->type = pointee.is_managed() ? cudaMemoryTypeManaged : cudaMemoryTypeHost;
            attributes->devicePointer = address;
            attributes->hostPointer = address;
        } else {
            attributes->type = cudaMemoryTypeUnregistered;
            attributes->hostPointer = address;
        }
    });
}

}  // extern "C"
