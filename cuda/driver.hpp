#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <string>

namespace fastio::gpu {

/// The few functions of the driver that the runtime has no words for. Reached through the runtime, so that nothing
/// links libcuda, which a machine without a GPU does not have.
struct Driver {
    decltype(&cuDeviceGetAttribute) device_get_attribute = nullptr;
    decltype(&cuStreamWriteValue64) stream_write_value64 = nullptr;
    decltype(&cuStreamWaitValue64) stream_wait_value64 = nullptr;

    /// What the loaded driver has, found out once; null where it lacks one. *Threads:* any.
    [[nodiscard]] static const Driver& get();
};

/// Whether streams of this GPU can write and wait for 64-bit words themselves. Errors: none; false when in doubt.
[[nodiscard]] bool has_stream_memory_operations(int ordinal) noexcept;

/// Throws unless `result` is CUDA_SUCCESS. The driver's numbers are the runtime's. Errors: as check.
void check_driver(CUresult result, const char* attempt);

}  // namespace fastio::gpu
