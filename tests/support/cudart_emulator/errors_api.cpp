// Names and texts of codes. They need no driver.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "support/cudart_emulator/error_names.hpp"

namespace {

using emulator::ErrorName;

/// The runtime's texts for what this library gives, as far as they were seen; cudaGetErrorName has all names.
constexpr std::array kTexts{
    ErrorName{cudaSuccess, "no error"},
    ErrorName{cudaErrorInvalidValue, "invalid argument"},
    ErrorName{cudaErrorMemoryAllocation, "out of memory"},
    ErrorName{cudaErrorInitializationError, "initialization error"},
    ErrorName{cudaErrorStubLibrary, "CUDA driver is a stub library"},
    ErrorName{cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"},
    ErrorName{cudaErrorDevicesUnavailable, "CUDA-capable device(s) is/are busy or unavailable"},
    ErrorName{cudaErrorNoDevice, "no CUDA-capable device is detected"},
    ErrorName{cudaErrorInvalidDevice, "invalid device ordinal"},
    ErrorName{cudaErrorDeviceUninitialized, "invalid device context"},
    ErrorName{cudaErrorMapBufferObjectFailed, "mapping of buffer object failed"},
    ErrorName{cudaErrorAlreadyMapped, "resource already mapped"},
    ErrorName{cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device"},
    ErrorName{cudaErrorPeerAccessUnsupported, "peer access is not supported between these two devices"},
    ErrorName{cudaErrorInvalidResourceHandle, "invalid resource handle"},
    ErrorName{cudaErrorNotReady, "device not ready"},
    ErrorName{cudaErrorIllegalAddress, "an illegal memory access was encountered"},
    ErrorName{cudaErrorTooManyPeers, "peer mapping resources exhausted"},
    ErrorName{cudaErrorNotPermitted, "operation not permitted"},
    ErrorName{cudaErrorNotSupported, "operation not supported"},
};

template <class Names>
const char* find(const Names& names, int code, const char* otherwise) {
    const auto found =
        std::find_if(std::begin(names), std::end(names), [&](const ErrorName& entry) { return entry.code == code; });
    return found == std::end(names) ? otherwise : found->name;
}

}  // namespace

namespace emulator {

const char* driver_error_name(int code) {
    return find(kDriverErrorNames, code, nullptr);
}

}  // namespace emulator

extern "C" {

const char* CUDARTAPI cudaGetErrorName(cudaError_t error) {
    return find(emulator::kErrorNames, error, "unrecognized error code");
}

const char* CUDARTAPI cudaGetErrorString(cudaError_t error) {
    return find(kTexts, error, cudaGetErrorName(error));
}

}  // extern "C"
