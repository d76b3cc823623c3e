#include "gpu/gpus.hpp"

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <atomic>
#include <memory>

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

struct Finding {
    Gpus gpus{};
    bool lasts = true;                 ///< false when CUDA had no memory to look: it may have later
    const Finding* earlier = nullptr;  ///< callers have references to it
};

Finding find_gpus() {
    Finding finding;
    Gpus& gpus = finding.gpus;
    int count = 0;
    const cudaError_t code = cudaGetDeviceCount(&count);
    ignore(code);
    finding.lasts = code != cudaErrorMemoryAllocation;
    if (code != cudaSuccess || count == 0) {
        const cudaError_t reason = code != cudaSuccess ? code : cudaErrorNoDevice;
        gpus.why_none = fmt::format("CUDA says {} ({}): {}", cudaGetErrorName(reason), static_cast<int>(reason),
                                    diagnose(reason).cause);
        gpus.failed =
            reason != cudaErrorNoDevice && reason != cudaErrorInsufficientDriver && reason != cudaErrorStubLibrary;
        return finding;
    }
    for (int ordinal = 0; ordinal < count; ++ordinal) {
        gpus.found.push_back(describe(ordinal));
    }
    return finding;
}

}  // namespace

const Gpus& list_gpus() {
    // Never destroyed: clients that are static objects come here while the process exits. No mutex: a forked child,
    // which may use the host, would find it locked for ever where a thread of its parent's was asking the driver; and a
    // fork() that waited for it would wait for itself where the driver forks.
    static std::atomic<const Finding*> newest{nullptr};
    const Finding* known = newest.load(std::memory_order_acquire);  // pairs with the release below
    if (known != nullptr && known->lasts) {
        return known->gpus;
    }
    auto found = std::make_unique<Finding>(find_gpus());
    found->earlier = known;
    if (newest.compare_exchange_strong(known, found.get(), std::memory_order_acq_rel, std::memory_order_acquire)) {
        known = found.release();
    }  // else another thread was first
    return known->gpus;
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
