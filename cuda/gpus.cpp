#include "gpu/gpus.hpp"

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include "gpu/driver.hpp"
#include "gpu/error.hpp"
#include "gpu/uuid.hpp"

namespace fastio::gpu {
namespace {

Gpu describe(int ordinal) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, ordinal), "asking for the properties of GPU {}", ordinal);
    int compute_mode = cudaComputeModeDefault;
    check(cudaDeviceGetAttribute(&compute_mode, cudaDevAttrComputeMode, ordinal),
          "asking for the compute mode of GPU {}", ordinal);
    Gpu gpu;
    gpu.ordinal = static_cast<std::uint32_t>(ordinal);
    gpu.uuid = to_text(properties.uuid);
    gpu.product = properties.name;
    gpu.total_bytes = properties.totalGlobalMem;
    gpu.stream_order =
        has_stream_memory_operations(ordinal) ? StreamOrder::memory_operations : StreamOrder::synchronise;
    gpu.exclusive = compute_mode != cudaComputeModeDefault;
    return gpu;
}

Gpus find_gpus() {
    Gpus gpus;
    int count = 0;
    const cudaError_t code = cudaGetDeviceCount(&count);
    ignore(code);
    if (code != cudaSuccess || count == 0) {
        const cudaError_t reason = code != cudaSuccess ? code : cudaErrorNoDevice;
        gpus.why_none = fmt::format("CUDA says {} ({}): {}", cudaGetErrorName(reason), static_cast<int>(reason),
                                    diagnose(reason).cause);
        return gpus;
    }
    for (int ordinal = 0; ordinal < count; ++ordinal) {
        gpus.found.push_back(describe(ordinal));
    }
    return gpus;
}

}  // namespace

const Gpus& list_gpus() {
    static const Gpus gpus = find_gpus();
    return gpus;
}

CudaVersions cuda_versions() noexcept {
    CudaVersions versions;
    ignore(cudaDriverGetVersion(&versions.driver));
    ignore(cudaRuntimeGetVersion(&versions.runtime));
    return versions;
}

std::string runtime_substitute() {
    return ::dlsym(RTLD_DEFAULT, "cudaEmuVersion") != nullptr ? "emulator" : "";
}

}  // namespace fastio::gpu
