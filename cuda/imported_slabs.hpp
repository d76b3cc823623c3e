#pragma once

#include <cuda_runtime_api.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "device/device_memory.hpp"
#include "device/own_slabs.hpp"

namespace fastio::gpu {

/// The slabs of other processes that this process has opened: each once for each GPU that uses it, however many
/// clients share it, because opening costs about a millisecond and closing may wait for the GPU (rules 18, 19, 32).
/// A slab's name is new for each slab, so that it stands for the slab and its generation.
///
/// *Thread safety:* every call may be made from any thread.
///
/// *Invariants.*
/// 1. The mutex is never held during a CUDA call, so that a close that waits for the GPU holds up nobody else's slab.
/// 2. A slab without an address is being opened or closed by one thread; who wants that slab waits for it.
class ImportedSlabs {
public:
    [[nodiscard]] static ImportedSlabs& of_process() noexcept;

    /// The slab as the GPU `ordinal` reaches it. Errors: those of check_origin and of opening.
    [[nodiscard]] void* open(const SlabHandle& handle, int ordinal);
    /// The inverse of one open. False if `data` was not opened here.
    bool close(void* data) noexcept;

private:
    using Key = std::pair<SlabId, int>;
    struct Slab {
        void* data = nullptr;
        std::uint64_t openings = 0;
    };
    // Takes nodes of slabs_, which needs no memory, so that close cannot fail.
    using Stale = std::multimap<Key, Slab>;

    [[nodiscard]] void* open_new(const SlabHandle& handle, int ordinal);
    void close_stale() noexcept;

    std::mutex closing_stale_;  // one thread at a time: who waits for it finds them closed
    std::mutex mutex_;          // guards what follows
    std::condition_variable changed_;
    std::map<Key, Slab> slabs_;
    Stale stale_;  // the driver would not close them when they were due
};

}  // namespace fastio::gpu
