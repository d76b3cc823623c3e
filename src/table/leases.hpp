#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <vector>

#include "device/descriptor.hpp"
#include "device/mapping.hpp"
#include "table/layout.hpp"
#include "table/reader.hpp"

namespace fastio::table {

/// A client's side of its lease pages: 8-byte entries that keep allocations alive.
///
/// *Thread safety:* every member, from any thread, without locks.
///
/// *Invariants.*
/// 1. An entry is taken by one compare-exchange from 0 to {slot, generation}: that store is the hazard pointer (design
///    P2), sequentially consistent so that it is ordered before the re-read of the allocation's state.
/// 2. A lease never moves from the entry it was first written to; only its holder (or, later, its GPU) clears it.
/// 3. Entries beyond the granted ones are never used: the service does not scan them.
class LeasePages {
public:
    /// Maps the file; `granted` chunks may be used. Errors: io_error, protocol_error (size).
    LeasePages(Descriptor file, std::uint32_t granted_chunks);

    static constexpr std::uint32_t kNoEntry = 0xffff'ffffU;
    /// The entry taken, or kNoEntry when every granted entry is in use (ask the service for a chunk). Not an optional:
    /// GCC 12 passes one through memory in parts, which costs get 5 ns.
    [[nodiscard]] std::uint32_t claim_entry(AllocationRef allocation) noexcept {
        const std::uint64_t lease = pack_lease(allocation.slot, allocation.generation);
        std::atomic<std::uint32_t>& hint = start();
        const std::uint32_t entry = hint.load(std::memory_order_relaxed);
        // Acquire: pairs with grant().
        if (entry < granted_.load(std::memory_order_acquire) * kLeasesPerChunk && take(entry, lease)) [[likely]] {
            hint.store(entry + 1, std::memory_order_relaxed);
            return entry;
        }
        return search(hint, lease);
    }
    /// The same, empty for kNoEntry.
    [[nodiscard]] std::optional<std::uint32_t> claim(AllocationRef allocation) noexcept {
        const std::uint32_t entry = claim_entry(allocation);
        return entry == kNoEntry ? std::nullopt : std::optional(entry);
    }
    /// Clears an entry (seq_cst: ordered before the caller's re-read of the state). Not in a forked child, where the
    /// mapping is not there.
    void drop(std::uint32_t entry) noexcept {
        __atomic_store_n(word(entry), 0, __ATOMIC_SEQ_CST);
        start().store(entry, std::memory_order_relaxed);
    }

    /// Says that a stream will clear the entry, before that is queued (seq_cst: as drop).
    void leave_to_stream(std::uint32_t entry) noexcept {
        std::uint64_t* const at = word(entry);
        __atomic_store_n(at, __atomic_load_n(at, __ATOMIC_RELAXED) | kClearedByStream, __ATOMIC_SEQ_CST);
    }
    /// The word that a stream clears, by writing 0.
    [[nodiscard]] std::atomic<std::uint64_t>& entry_word(std::uint32_t entry) noexcept {
        return *reinterpret_cast<std::atomic<std::uint64_t>*>(word(entry));
    }
    /// All of the pages, for pinning.
    [[nodiscard]] const Mapping& mapping() const noexcept { return mapping_; }

    [[nodiscard]] std::uint32_t granted_chunks() const noexcept;
    void grant(std::uint32_t chunks) noexcept;  ///< the total from now on; a smaller one than before is ignored
    [[nodiscard]] std::uint32_t in_use() const noexcept;     ///< counts; for stats
    [[nodiscard]] bool any_left_to_stream() const noexcept;  ///< an entry that a stream has still to clear
    void abandon() noexcept;  ///< in a forked child: forget the mapping, which is not there

private:
    /// Where to look for a free entry first: the one dropped last, else the one behind the last claimed. Threads spread
    /// over several, so that they work in different cache lines. Only hints: an entry is free or not by its word.
    static constexpr std::uint32_t kShards = 8;
    struct alignas(kCacheLine) Start {
        std::atomic<std::uint32_t> entry{0};
    };
    [[nodiscard]] std::atomic<std::uint32_t>& start() noexcept {
        // Thread descriptors are some pages apart: Fibonacci hashing spreads them. Threads that meet only share hints.
#if __has_builtin(__builtin_thread_pointer)
        const auto thread = reinterpret_cast<std::uint64_t>(__builtin_thread_pointer());  // without a call
#else
        const auto thread = static_cast<std::uint64_t>(::pthread_self());
#endif
        return starts_[(thread * 0x9e37'79b9'7f4a'7c15U) >> 61].entry;
    }

    [[nodiscard]] std::uint64_t* word(std::uint32_t entry) const noexcept {
        return reinterpret_cast<std::uint64_t*>(mapping_.data()) + entry;
    }
    [[nodiscard]] bool take(std::uint32_t entry, std::uint64_t lease) noexcept {
        std::uint64_t* const at = word(entry);
        std::uint64_t free = 0;
        // Invariant 1. The plain look first spares the lock on entries that are taken.
        return __atomic_load_n(at, __ATOMIC_RELAXED) == 0 &&
               __atomic_compare_exchange_n(at, &free, lease, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    }
    [[nodiscard]] std::uint32_t search(std::atomic<std::uint32_t>& hint, std::uint64_t lease) noexcept;

    Mapping mapping_;
    Descriptor file_;
    std::atomic<std::uint32_t> granted_{0};
    std::array<Start, kShards> starts_{};
};

/// The service's side of one session's lease pages. What stands in them is hostile: read once, checked, never trusted
/// to be in range.
class LeaseBook {
public:
    /// A file for up to `max_leases` entries with `chunks` granted. Errors: out_of_memory, io_error.
    LeaseBook(std::uint32_t max_leases, std::uint32_t chunks);

    [[nodiscard]] int file() const noexcept { return file_.get(); }
    [[nodiscard]] std::uint32_t granted_chunks() const noexcept { return granted_; }
    [[nodiscard]] std::uint32_t max_chunks() const noexcept { return max_chunks_; }
    /// Grants one chunk more; false at the limit. Errors: out_of_memory.
    bool grant();

    /// One entry (acquire), without kClearedByStream; 0 where it is not granted.
    [[nodiscard]] std::uint64_t entry(std::uint32_t index) const noexcept;

    /// Calls visit(AllocationRef, entry index, whether a stream will clear it) for every entry in use, each read once
    /// with sequential consistency (pairs with LeasePages::claim: either this sees the lease, or its holder sees the
    /// retired state).
    template <class Visit>
    void scan(Visit&& visit) const {
        const auto* words = reinterpret_cast<const std::uint64_t*>(mapping_.data());
        const std::uint32_t count = granted_ * kLeasesPerChunk;
        for (std::uint32_t index = 0; index < count; ++index) {
            const std::uint64_t word = __atomic_load_n(words + index, __ATOMIC_SEQ_CST);
            if (word != 0) {
                visit(AllocationRef{static_cast<std::uint32_t>(word & ~kClearedByStream),
                                    static_cast<std::uint32_t>(word >> 32)},
                      index, (word & kClearedByStream) != 0);
            }
        }
    }

private:
    Descriptor file_;
    Mapping mapping_;
    std::uint32_t granted_ = 0;
    std::uint32_t max_chunks_ = 0;
};

/// What P2's `get` yields before any memory is mapped: the record's copy and the lease that protects its allocation.
struct Acquired {
    // Without braces: members are initialised one by one, which costs less than clearing the whole at once.
    PublicationCopy copy;
    Placement placement;
    std::uint32_t lease = 0;
};

enum class AcquireResult {
    acquired,
    missing,         ///< no such name, or only a version that is not newer than asked for
    no_lease_entry,  ///< every granted entry is in use: grant a chunk, then try again
};

/// P2 in full: look up, copy, claim, re-read the state, retry when it moved. `nudge(AllocationRef)` is called after a
/// claimed entry was dropped again for an allocation that is retired, since the service's scan may have seen it. The
/// writer takes an allocation's names away before it retires it, so a retry sees the index changed. Errors: those of
/// TableReader::lookup; no lease is left behind.
template <class Nudge>
AcquireResult acquire(TableReader& reader, LeasePages& leases, std::string_view name, std::uint64_t hash,
                      std::uint64_t newer_than, Acquired& acquired, std::uint64_t& retries, Nudge&& nudge) {
    const std::uint64_t retries_before = retries;
    for (;;) {
        if (!reader.lookup(name, hash, acquired.copy, &retries) || acquired.copy.version <= newer_than) {
            return AcquireResult::missing;
        }
        const AllocationRef allocation = acquired.copy.allocation;
        const std::uint32_t entry = leases.claim_entry(allocation);
        if (entry == LeasePages::kNoEntry) {
            return AcquireResult::no_lease_entry;
        }
        // Does not throw: the lookup has mapped the segment.
        const StateWord state = reader.allocation_state(allocation.slot);
        if (state.generation == allocation.generation && state.state == AllocationState::live) {
            acquired.lease = entry;
            acquired.placement = reader.placement(allocation.slot);
            return AcquireResult::acquired;
        }
        leases.drop(entry);
        const StateWord again = reader.allocation_state(allocation.slot);
        if (again.generation == allocation.generation && again.state == AllocationState::retired) {
            nudge(allocation);
        }
        ++retries;
        // Those of the lookups count too: a table that never rests ends both together.
        give_way(static_cast<std::uint32_t>(retries - retries_before), name);
    }
}

/// Whether the service waits for leases on this allocation. A state that cannot be read says yes: a nudge too many does
/// no harm.
[[nodiscard]] inline bool is_retired(TableReader& reader, AllocationRef allocation) noexcept {
    try {
        const StateWord state = reader.allocation_state(allocation.slot);
        return state.generation == allocation.generation && state.state == AllocationState::retired;
    } catch (const std::exception&) {  // its segment could not be mapped
        return true;
    }
}

/// The end of P2's lease: clears the entry, then re-reads the state. `nudge(AllocationRef)` as in acquire: for an
/// allocation that is retired, since the service's scan may have seen the entry. Either that scan sees it cleared, or
/// this sees the retired state.
template <class Nudge>
void drop_lease(TableReader& reader, LeasePages& leases, AllocationRef allocation, std::uint32_t entry,
                Nudge&& nudge) noexcept {
    leases.drop(entry);
    if (is_retired(reader, allocation)) {
        nudge(allocation);
    }
}

}  // namespace fastio::table
