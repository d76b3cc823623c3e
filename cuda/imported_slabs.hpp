#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "device/device_memory.hpp"
#include "device/own_slabs.hpp"

namespace fastio::gpu {

/// The slabs of other processes that this process has opened: each once for each GPU that uses it, however many
/// clients share it, because opening costs about a millisecond and closing may wait for the GPU (rules 18, 19, 32).
/// A slab's name is new for each slab, so that it stands for the slab and its generation.
///
/// *Thread safety:* every call may be made from any thread; one opens or closes at a time.
class ImportedSlabs {
public:
    [[nodiscard]] static ImportedSlabs& of_process() noexcept;

    /// The slab as the GPU `ordinal` reaches it. Errors: those of check_origin and of opening.
    [[nodiscard]] void* open(const SlabHandle& handle, int ordinal);
    /// The inverse of one open. False if `data` was not opened here.
    bool close(void* data) noexcept;

private:
    using Key = std::pair<SlabId, int>;
    struct Opened {
        void* data = nullptr;
        std::uint64_t openings = 0;
    };
    struct Stale {
        void* data = nullptr;
        int ordinal = 0;
    };

    void close_stale() noexcept;

    std::mutex mutex_;
    std::map<Key, Opened> opened_;
    std::vector<Stale> stale_;  // the driver would not close them when they were due
};

}  // namespace fastio::gpu
