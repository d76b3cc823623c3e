#pragma once

#include <cuda.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace fastio::gpu {

/// The host memory of this process that its GPUs reach: the fence and lease words. Pinned for all GPUs at once, and
/// counted, because the memory objects of several GPUs pin the same words.
///
/// *Thread safety:* every call may be made from any thread.
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

    void unregister(Ranges::iterator range) noexcept;
    void unregister_stale() noexcept;

    std::mutex mutex_;
    Ranges ranges_;
    // The driver would not unregister them when they were due. Their addresses are used again, and then it must. Takes
    // nodes of ranges_, which needs no memory.
    Ranges stale_;
};

}  // namespace fastio::gpu
