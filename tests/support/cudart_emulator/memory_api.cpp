// Memory of devices and host memory that they know.

#include "support/cudart_emulator/call.hpp"

using emulator::call;
using emulator::call_elsewhere;
using emulator::DeviceMemory;
using emulator::HostMemory;
using emulator::Process;
using emulator::refuse_if;
using emulator::Work;
using Lock = emulator::Streams::Lock;

namespace {

cudaError_t allocate_host(const char* name, void** data, size_t bytes, unsigned flags) {
    return call(name, [&](Process& process, Lock&) {
        constexpr unsigned kKnown = cudaHostAllocPortable | cudaHostAllocMapped | cudaHostAllocWriteCombined;
        refuse_if(data == nullptr || (flags & ~kKnown) != 0, cudaErrorInvalidValue);
        process.use(process.current_gpu());
        process.streams.refuse_unsafe();
        *data = bytes == 0
                    ? nullptr
                    : process.host.allocate(bytes, HostMemory::Kind::allocated, flags, process.current_ordinal());
    });
}

}  // namespace

extern "C" {

cudaError_t CUDARTAPI cudaMalloc(void** data, size_t bytes) {
    return call(__func__, [&](Process& process, Lock&) {
        refuse_if(data == nullptr, cudaErrorInvalidValue);
        process.use(process.current_gpu());
        process.streams.refuse_unsafe();
        *data = bytes == 0 ? nullptr : process.memory.allocate(process.current_gpu(), bytes, DeviceMemory::Kind::owned);
    });
}

// Waits for all work on the GPU, as drivers do (rule 65).
cudaError_t CUDARTAPI cudaFree(void* data) {
    return call(__func__, [&](Process& process, Lock& lock) {
        process.use(process.current_gpu());
        if (data == nullptr) {
            return;
        }
        if (process.host.find(data, 1) != nullptr) {
            process.host.release(data, HostMemory::Kind::managed);
            return;
        }
        process.streams.refuse_unsafe();
        std::uintptr_t start = 0;
        const DeviceMemory::Piece* const piece = process.memory.find(data, &start);
        refuse_if(piece == nullptr || piece->kind == DeviceMemory::Kind::imported ||
                      start != reinterpret_cast<std::uintptr_t>(data),
                  cudaErrorInvalidValue);
        const DeviceMemory::Kind kind = piece->kind;
        process.refuse_broken(piece->gpu);
        process.streams.synchronise(piece->gpu, lock);
        process.memory.release(data, kind);
    });
}

cudaError_t CUDARTAPI cudaMallocAsync(void** data, size_t bytes, cudaStream_t stream) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(data == nullptr, cudaErrorInvalidValue);
        const std::uint32_t gpu = process.stream(stream).gpu;
        *data = bytes == 0 ? nullptr : process.memory.allocate(gpu, bytes, DeviceMemory::Kind::pool);
    });
}

cudaError_t CUDARTAPI cudaFreeAsync(void* data, cudaStream_t stream) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        std::uintptr_t start = 0;
        const DeviceMemory::Piece* const piece = process.memory.find(data, &start);
        refuse_if(piece == nullptr || piece->kind != DeviceMemory::Kind::pool ||
                      start != reinterpret_cast<std::uintptr_t>(data),
                  cudaErrorInvalidValue);
        Work work;
        work.release = data;
        process.streams.submit(process.stream(stream), work, lock);
    });
}

cudaError_t CUDARTAPI cudaMallocManaged(void** data, size_t bytes, unsigned flags) {
    return call(__func__, [&](Process& process, Lock&) {
        refuse_if(data == nullptr || bytes == 0, cudaErrorInvalidValue);
        process.use(process.current_gpu());
        *data = process.host.allocate(bytes, HostMemory::Kind::managed, flags, process.current_ordinal());
    });
}

cudaError_t CUDARTAPI cudaHostAlloc(void** data, size_t bytes, unsigned flags) {
    return allocate_host(__func__, data, bytes, flags);
}

cudaError_t CUDARTAPI cudaMallocHost(void** data, size_t bytes) {
    return allocate_host(__func__, data, bytes, cudaHostAllocDefault);
}

cudaError_t CUDARTAPI cudaFreeHost(void* data) {
    return call(__func__, [&](Process& process, Lock& lock) {
        if (data == nullptr) {
            return;
        }
        process.streams.synchronise_all(lock);
        process.host.release(data, HostMemory::Kind::allocated);
    });
}

cudaError_t CUDARTAPI cudaHostRegister(void* data, size_t bytes, unsigned flags) {
    return call(__func__, [&](Process& process, Lock&) {
        constexpr unsigned kKnown = cudaHostRegisterPortable | cudaHostRegisterMapped | cudaHostRegisterIoMemory;
        refuse_if((flags & cudaHostRegisterReadOnly) != 0, cudaErrorNotSupported);  // attribute 113 is 0
        refuse_if((flags & ~kKnown) != 0, cudaErrorInvalidValue);
        process.use(process.current_gpu());
        process.streams.refuse_unsafe();
        process.host.add(data, bytes, flags, process.current_ordinal());
    });
}

cudaError_t CUDARTAPI cudaHostUnregister(void* data) {
    return call(__func__, [&](Process& process, Lock& lock) {
        process.streams.synchronise_all(lock);
        process.host.remove(data);
    });
}

cudaError_t CUDARTAPI cudaHostGetDevicePointer(void** device, void* host, unsigned flags) {
    return call(__func__, [&](Process& process, Lock&) {
        refuse_if(device == nullptr || flags != 0 || process.host.find(host, 1) == nullptr, cudaErrorInvalidValue);
        *device = host;
    });
}

cudaError_t CUDARTAPI cudaHostGetFlags(unsigned* flags, void* host) {
    return call(__func__, [&](Process& process, Lock&) {
        const HostMemory::Range* const range = process.host.find(host, 1);
        refuse_if(flags == nullptr || range == nullptr, cudaErrorInvalidValue);
        *flags = range->flags;
    });
}

}  // extern "C"
