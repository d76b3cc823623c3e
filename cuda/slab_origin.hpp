#pragma once

#include <cuda_runtime_api.h>

#include "device/device_memory.hpp"
#include "device/own_slabs.hpp"

namespace fastio::gpu {

/// What this process writes into the handles of its slabs. Errors: io_error, device_unavailable.
[[nodiscard]] SlabOrigin make_origin(const SlabId& slab, const cudaUUID_t& device);

[[nodiscard]] SlabId slab_of(const SlabOrigin& origin) noexcept;

/// Throws where CUDA could not open what this origin exported, which it would report with codes that have many causes
/// (docs/cuda_ipc.md). Errors: incompatible_host (another boot: the handle is stale or of another machine), unsupported
/// (an equal process id, as two PID namespaces give: CUDA would take the handle for this process's own),
/// version_mismatch (another driver or runtime).
void check_origin(const SlabOrigin& origin);

/// Ends a message about a failed open: names the PID namespaces where they differ.
[[nodiscard]] std::string namespace_hint(const SlabOrigin& origin);

}  // namespace fastio::gpu
