#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/sub_allocator.hpp"
#include "device/device_memory.hpp"
#include "table/writer.hpp"

namespace fastio::service {

/// A block and the slab it lies in.
struct PlacedBlock {
    table::SlabRef slab{};
    Block block{};
};

/// What freed memory is filled with where it is held back (fastiod --debug-memory).
inline constexpr std::byte kFreedByte{0xdf};

/// The slabs of one context on one device, from which allocations are carved. Keeps no clock, and calls no device but
/// to fill what it holds back.
class SlabPool {
public:
    struct Slab {
        table::SlabRef ref{};
        OwnedSlab memory{};
        SubAllocator blocks;
        std::uint64_t used = 0;  ///< bytes
    };

    /// Takes `memory` only if it succeeds. Errors: std::bad_alloc.
    void add(table::SlabRef ref, OwnedSlab&& memory);

    /// From the slabs in use first, so that an empty one can go. Empty when no slab has room.
    [[nodiscard]] std::optional<PlacedBlock> allocate(std::uint64_t size, std::uint64_t alignment);
    void free(const PlacedBlock& placed);

    [[nodiscard]] const Slab* find(table::SlabRef ref) const noexcept;
    /// From now on freed blocks are filled with kFreedByte and held back from reuse, first in first out, until their
    /// sum would exceed `most` bytes or nothing else has room: who uses memory after its end reads the pattern.
    void hold_back_freed(DeviceMemory& memory, std::uint64_t most) noexcept;
    [[nodiscard]] std::uint64_t held_back() const noexcept { return held_back_; }
    /// Makes all that is held back free.
    void let_go();

    /// Takes out the empty slabs but for the `keep` largest.
    [[nodiscard]] std::vector<Slab> take_empty(std::size_t keep);
    /// Takes out one slab, used or not, without a need for memory; empty when there is none. For the service's end.
    [[nodiscard]] std::optional<Slab> take_any() noexcept;
    [[nodiscard]] std::size_t empty_count() const noexcept;
    /// The fewest that were empty at one time since restart_least_empty: so many slabs were not needed since then.
    [[nodiscard]] std::size_t least_empty() const noexcept { return least_empty_; }
    void restart_least_empty() noexcept { least_empty_ = empty_count(); }
    [[nodiscard]] std::uint64_t empty_bytes() const noexcept;

    [[nodiscard]] std::uint64_t reserved() const noexcept;
    [[nodiscard]] std::uint64_t free_bytes() const noexcept;
    [[nodiscard]] std::uint64_t largest_free_block() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return slabs_.empty(); }

    /// How large the next slab should be for a request, given how much the device's pool still allows: growth doubles
    /// from 2 MiB to 4 GiB, a larger request gets a slab of its own. 0 when `unreserved` has no room for the request.
    [[nodiscard]] std::uint64_t growth(std::uint64_t request, std::uint64_t unreserved) const noexcept;

private:
    [[nodiscard]] std::uint64_t next_step() const noexcept;

    [[nodiscard]] std::optional<PlacedBlock> try_allocate(std::uint64_t size, std::uint64_t alignment);
    void give_back(const PlacedBlock& placed);
    void let_go_of_oldest();

    std::vector<std::unique_ptr<Slab>> slabs_;
    std::size_t least_empty_ = 0;
    DeviceMemory* memory_ = nullptr;  ///< set while freed blocks are held back
    std::uint64_t most_held_back_ = 0;
    std::uint64_t held_back_ = 0;  ///< bytes in freed_
    std::deque<PlacedBlock> freed_;
    std::uint64_t step_ = 0;  ///< bytes of the last slab that was no larger than growth asked for
};

}  // namespace fastio::service
