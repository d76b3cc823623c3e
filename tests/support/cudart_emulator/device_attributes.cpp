#include "support/cudart_emulator/device_attributes.hpp"

#include <cuda.h>

#include <cstring>

#include "support/cudart_emulator/refused.hpp"

namespace emulator {
namespace {

constexpr int kMajor = 9;
constexpr int kMinor = 0;
constexpr int kWarp = 32;
constexpr int kMaxThreads = 1024;
constexpr int kProcessors = 1;

}  // namespace

cudaDeviceProp device_properties(Process& process, std::uint32_t gpu) {
    cudaDeviceProp properties{};
    const std::string name = Devices::name();
    std::memcpy(properties.name, name.c_str(), name.size() + 1);
    properties.uuid = Devices::uuid(gpu);
    properties.totalGlobalMem = process.control.layout().memory_bytes;
    properties.major = kMajor;
    properties.minor = kMinor;
    properties.warpSize = kWarp;
    properties.maxThreadsPerBlock = kMaxThreads;
    properties.multiProcessorCount = kProcessors;
    properties.pciBusID = static_cast<int>(gpu) + 1;
    properties.canMapHostMemory = 1;
    properties.unifiedAddressing = 1;
    properties.concurrentKernels = 1;
    properties.asyncEngineCount = 1;
    properties.managedMemory = 1;
    properties.canUseHostPointerForRegisteredMem = 1;
    properties.hostRegisterSupported = 1;
    properties.memoryPoolsSupported = 1;
    properties.ipcEventSupported = 1;
    return properties;
}

int device_attribute(Process& process, std::uint32_t gpu, int attribute) {
    refuse_if(attribute <= 0 || attribute >= CU_DEVICE_ATTRIBUTE_MAX, cudaErrorInvalidValue);
    switch (attribute) {
        case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE:
            return process.settings.compute_mode_of(gpu);
        case CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS:
        case CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR:
            return process.settings.stream_memory_operations ? 1 : 0;
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
            return kMajor;
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
            return kMinor;
        case CU_DEVICE_ATTRIBUTE_WARP_SIZE:
            return kWarp;
        case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
            return kMaxThreads;
        case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
            return kProcessors;
        case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
        case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
        case CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY:
        case CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM:
        case CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED:
        case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED:
        case CU_DEVICE_ATTRIBUTE_IPC_EVENT_SUPPORTED:
            return 1;
        default:
            return 0;
    }
}

}  // namespace emulator
