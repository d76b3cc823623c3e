#pragma once

#include <cuda_runtime_api.h>

#include <fastio/stream.hpp>

namespace fastio::gpu {

/// Where a kernel is launched: in the caller's stream, and the call returns at once; or, where none was given, in the
/// legacy default stream, and the call returns when the work is done.
class Launch {
public:
    /// `attempt` is for messages and outlives this object.
    Launch(Stream stream, const char* attempt) noexcept : stream_(stream), attempt_(attempt) {}

    [[nodiscard]] cudaStream_t stream() const noexcept { return stream_.handle(); }

    /// Throws unless `code` is cudaSuccess. Errors: device_error, and what else gpu::diagnose names.
    void check(cudaError_t code) const;

    /// To be called after the last launch: waits where no stream was given. Errors: as check.
    void finish() const;

private:
    Stream stream_;
    const char* attempt_;
};

}  // namespace fastio::gpu
