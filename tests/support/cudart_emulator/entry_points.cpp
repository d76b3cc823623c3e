// The driver's functions, as the runtime hands them out.

#include <cstring>

#include "support/cudart_emulator/device_attributes.hpp"
#include "support/cudart_emulator/driver_functions.hpp"
#include "support/cudart_emulator/error_names.hpp"

namespace emulator {
namespace {

using Lock = Streams::Lock;

CUresult CUDAAPI init(unsigned flags) {
    return driver_call("cuInit", [&](Process&, Lock&) { refuse_if(flags != 0, cudaErrorInvalidValue); });
}

CUresult CUDAAPI driver_get_version(int* version) {
    return static_cast<CUresult>(cudaDriverGetVersion(version));
}

CUresult CUDAAPI device_get_count(int* count) {
    return driver_call("cuDeviceGetCount", [&](Process& process, Lock&) { *count = process.devices.count(); });
}

CUresult CUDAAPI device_get(CUdevice* device, int ordinal) {
    return driver_call("cuDeviceGet", [&](Process& process, Lock&) {
        static_cast<void>(process.devices.gpu(ordinal));
        *device = ordinal;
    });
}

CUresult CUDAAPI device_get_name(char* name, int length, CUdevice device) {
    return driver_call("cuDeviceGetName", [&](Process& process, Lock&) {
        static_cast<void>(process.devices.gpu(device));
        refuse_if(name == nullptr || length <= 0, cudaErrorInvalidValue);
        std::strncpy(name, Devices::name().c_str(), static_cast<std::size_t>(length));
        name[length - 1] = '\0';
    });
}

CUresult CUDAAPI device_get_uuid(CUuuid* uuid, CUdevice device) {
    return driver_call("cuDeviceGetUuid", [&](Process& process, Lock&) {
        refuse_if(uuid == nullptr, cudaErrorInvalidValue);
        *uuid = Devices::uuid(process.devices.gpu(device));
    });
}

CUresult CUDAAPI device_get_attribute(int* value, CUdevice_attribute attribute, CUdevice device) {
    return driver_call("cuDeviceGetAttribute", [&](Process& process, Lock&) {
        const std::uint32_t gpu = process.devices.gpu(device);
        refuse_if(value == nullptr, cudaErrorInvalidValue);
        *value = device_attribute(process, gpu, attribute);
    });
}

CUresult CUDAAPI get_error_name(CUresult code, const char** name) {
    *name = driver_error_name(code);
    return *name == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult CUDAAPI get_error_string(CUresult code, const char** text) {
    *text = cudaGetErrorString(static_cast<cudaError_t>(code));
    return CUDA_SUCCESS;
}

struct EntryPoint {
    const char* name;
    void* function;
    unsigned since;  ///< version of CUDA whose signature this is
};

template <class Function>
EntryPoint entry(const char* name, Function* function, unsigned since) {
    return {name, reinterpret_cast<void*>(function), since};
}

const EntryPoint kEntryPoints[] = {
    entry("cuInit", init, 2000),
    entry("cuDriverGetVersion", driver_get_version, 2020),
    entry("cuDeviceGetCount", device_get_count, 2000),
    entry("cuDeviceGet", device_get, 2000),
    entry("cuDeviceGetName", device_get_name, 2000),
    entry("cuDeviceGetUuid", device_get_uuid, 9020),
    entry("cuDeviceGetAttribute", device_get_attribute, 2000),
    entry("cuGetErrorName", get_error_name, 6000),
    entry("cuGetErrorString", get_error_string, 6000),
    entry("cuPointerGetAttribute", pointer_get_attribute, 4000),
    entry("cuPointerGetAttributes", pointer_get_attributes, 7000),
    entry("cuMemGetAddressRange", mem_get_address_range, 3020),
    entry("cuStreamWriteValue32", stream_write_value32, 11070),
    entry("cuStreamWriteValue64", stream_write_value64, 11070),
    entry("cuStreamWaitValue32", stream_wait_value32, 11070),
    entry("cuStreamWaitValue64", stream_wait_value64, 11070),
};

// What is not modelled is not there, as with an older driver: programs ask for functions that they may never call.
void find_entry(const char* symbol, void** function, unsigned version, cudaDriverEntryPointQueryResult* result) {
    refuse_if(symbol == nullptr || function == nullptr, cudaErrorInvalidValue);
    *function = nullptr;
    cudaDriverEntryPointQueryResult status = cudaDriverEntryPointSymbolNotFound;
    for (const EntryPoint& point : kEntryPoints) {
        if (std::strcmp(point.name, symbol) == 0) {
            status = version >= point.since ? cudaDriverEntryPointSuccess : cudaDriverEntryPointVersionNotSufficent;
            *function = version >= point.since ? point.function : nullptr;
        }
    }
    if (result != nullptr) {
        *result = status;
    }
}

}  // namespace
}  // namespace emulator

extern "C" {

cudaError_t CUDARTAPI cudaGetDriverEntryPointByVersion(const char* symbol, void** function, unsigned version,
                                                       unsigned long long /*flags*/,
                                                       cudaDriverEntryPointQueryResult* result) {
    return emulator::call(__func__, [&](emulator::Process&, emulator::Streams::Lock&) {
        emulator::find_entry(symbol, function, version, result);
    });
}

cudaError_t CUDARTAPI cudaGetDriverEntryPoint(const char* symbol, void** function, unsigned long long /*flags*/,
                                              cudaDriverEntryPointQueryResult* result) {
    return emulator::call(__func__, [&](emulator::Process&, emulator::Streams::Lock&) {
        emulator::find_entry(symbol, function, CUDART_VERSION, result);
    });
}

}  // extern "C"
