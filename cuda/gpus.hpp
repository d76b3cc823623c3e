#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/device_memory.hpp"

/// What the rest of Fast I/O knows of CUDA. Needs no CUDA header, and is there in a build without CUDA too, where it
/// says that there are no GPUs.
namespace fastio::gpu {

/// A GPU as this process sees it.
struct Gpu {
    std::uint32_t ordinal = 0;  ///< in this process: CUDA_VISIBLE_DEVICES renumbers
    std::string uuid{};         ///< "GPU-..." with lower-case digits: the same in every process
    std::string product{};
    std::uint64_t total_bytes = 0;
    StreamOrder stream_order = StreamOrder::synchronise;
    bool exclusive = false;  ///< its compute mode lets one process use it, so it cannot be shared
};

struct Gpus {
    std::vector<Gpu> found{};
    std::string why_none{};  ///< one line, where `found` is empty
    bool failed = false;     ///< in that case: CUDA is there and could not look
};

/// Never throws for want of a driver or of GPUs: `why_none` says what is missing and what to do. The first call makes
/// the driver start (some 100 ms); its answer holds for the life of the process. Errors: those of a driver that is
/// there and fails. *Threads:* any.
[[nodiscard]] const Gpus& list_gpus();

/// The memory of the GPU with this UUID, as a process uses it whose kernels run on the GPU with UUID `compute` (the
/// same if empty): slabs are then opened for that one, through peer access. Uses the primary context of the GPU.
/// Errors: device_unavailable (no such GPU, exclusive mode, no driver, a build without CUDA), device_error, forked.
[[nodiscard]] std::shared_ptr<DeviceMemory> make_cuda_memory(std::string_view uuid, std::string_view compute = {});

/// The versions of the driver and of the runtime that are loaded, as CUDA counts them (13000 for 13.0); 0 where there
/// is none.
struct CudaVersions {
    int driver = 0;
    int runtime = 0;
};
[[nodiscard]] CudaVersions cuda_versions() noexcept;

/// Empty if the runtime is NVIDIA's; else the name of what replaces it (the tests' emulator), so that no report takes
/// one for the other.
[[nodiscard]] std::string runtime_substitute();

}  // namespace fastio::gpu
