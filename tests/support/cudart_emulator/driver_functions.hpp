#pragma once

#include <cuda.h>

#include <cstddef>

#include "support/cudart_emulator/call.hpp"

namespace emulator {

/// The frame of every driver function: as call_elsewhere, and nothing is remembered as a last error, which the driver
/// has not.
template <class Body>
CUresult driver_call(const char* name, Body body) noexcept {
    try {
        Process& process = enter(name);
        Streams::Lock lock = process.lock();
        body(process, lock);
        return CUDA_SUCCESS;
    } catch (const Refused& refused) {
        return static_cast<CUresult>(refused.code);
    } catch (const std::bad_alloc&) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
}

// The driver's functions that cudaGetDriverEntryPoint gives out, under names of their own: nothing is exported that
// would shadow a real libcuda.
CUresult CUDAAPI pointer_get_attribute(void* data, CUpointer_attribute attribute, CUdeviceptr pointer);
CUresult CUDAAPI pointer_get_attributes(unsigned count, CUpointer_attribute* attributes, void** data,
                                        CUdeviceptr pointer);
CUresult CUDAAPI mem_get_address_range(CUdeviceptr* base, std::size_t* bytes, CUdeviceptr pointer);
CUresult CUDAAPI stream_write_value32(CUstream stream, CUdeviceptr word, cuuint32_t value, unsigned flags);
CUresult CUDAAPI stream_write_value64(CUstream stream, CUdeviceptr word, cuuint64_t value, unsigned flags);
CUresult CUDAAPI stream_wait_value32(CUstream stream, CUdeviceptr word, cuuint32_t value, unsigned flags);
CUresult CUDAAPI stream_wait_value64(CUstream stream, CUdeviceptr word, cuuint64_t value, unsigned flags);

}  // namespace emulator
