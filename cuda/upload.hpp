#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace fastio::gpu {

/// Large copies from pageable host memory to a GPU. The driver's own goes through one pinned buffer and one thread,
/// which reaches a fraction of the bus; this one fills several pinned buffers with several threads while the GPU
/// fetches earlier ones.
///
/// *Thread safety:* every call may be made from any thread; one copy runs at a time.
class Upload {
public:
    /// From this size on it is worth its threads.
    static constexpr std::uint64_t kLeastBytes = std::uint64_t{32} << 20;

    explicit Upload(int ordinal) noexcept : ordinal_(ordinal) {}
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;
    ~Upload();

    /// Copies, and returns when the last byte has arrived. As cudaMemcpy it begins after the legacy stream's work. The
    /// first call takes up to 32 MiB of pinned memory, which stays. Where the machine gives fewer threads it takes
    /// longer. Errors: out_of_memory, device_error.
    void copy(std::byte* to, const std::byte* from, std::uint64_t bytes);

private:
    static constexpr std::uint64_t kPartBytes = std::uint64_t{2} << 20;
    static constexpr std::size_t kMostLanes = 8;
    static constexpr std::size_t kBuffersPerLane = 2;

    /// One thread's buffers and the stream that empties them.
    struct Lane {
        cudaStream_t stream = nullptr;
        std::array<std::byte*, kBuffersPerLane> buffers{};
        std::array<cudaEvent_t, kBuffersPerLane> emptied{};
    };

    void prepare();
    static void make(Lane& lane);
    static void destroy(const Lane& lane) noexcept;
    /// Copies the next part, from `next` on, until there is none.
    void run(Lane& lane, std::byte* to, const std::byte* from, std::uint64_t bytes,
             std::atomic<std::uint64_t>& next) const;

    const int ordinal_;
    std::mutex mutex_;
    std::vector<Lane> lanes_;
};

}  // namespace fastio::gpu
