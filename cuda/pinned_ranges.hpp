#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace fastio::gpu {

/// The host memory of this process that its GPUs reach: the fence and lease words. Pinned for all GPUs at once, and
/// counted, because the memory objects of several GPUs pin the same words.
///
/// *Thread safety:* every call may be made from any thread.
///
/// *Invariants.*
/// 1. The mutex is never held during a CUDA call: a driver may make one wait for a stream that only a later signal lets
///    go on.
/// 2. A range without a device address is being pinned or unpinned by one thread; who pins that range waits for it, and
///    no word is in it.
class PinnedRanges {
public:
    [[nodiscard]] static PinnedRanges& of_process() noexcept;

    /// cudaHostRegister; the mapping must be writable, which the driver insists on. Errors: device_error,
    /// out_of_memory.
    void pin(void* host, std::uint64_t bytes);
    /// The last of as many calls as of pin undoes it.
    void unpin(void* host) noexcept;

    /// Where a GPU finds `word`. Errors: invalid_argument (not in a pinned range).
    [[nodiscard]] CUdeviceptr device_address(const void* word);

private:
    struct Range {
        std::uint64_t bytes = 0;
        std::uint64_t pins = 0;
        std::byte* device = nullptr;
    };
    using Ranges = std::map<const std::byte*, Range>;

    [[nodiscard]] cudaError_t register_anew(void* host, std::uint64_t bytes) noexcept;
    void unregister(Ranges::iterator range, std::unique_lock<std::mutex>& lock) noexcept;
    void unregister_stale() noexcept;

    std::mutex unregistering_stale_;  // one thread at a time: who waits for it finds them gone
    std::mutex mutex_;                // guards what follows
    std::condition_variable changed_;
    Ranges ranges_;
    // The driver would not unregister them when they were due. Their addresses are used again, and then it must. Takes
    // nodes of ranges_, which needs no memory.
    Ranges stale_;
};

}  // namespace fastio::gpu
