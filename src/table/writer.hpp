#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/data_type.hpp>

#include "core/life_cycle.hpp"
#include "core/shape.hpp"
#include "table/layout.hpp"

namespace fastio::table {

/// Who writes the table, as its header says it.
struct TableIdentity {
    std::array<std::uint8_t, 16> instance{};
    std::array<std::uint8_t, 16> boot_id{};
    std::uint64_t context_id = 0;
    std::int64_t service_pid = 0;
    std::string job{};
    std::vector<DeviceInfo> devices{};
};

struct TableLimits {
    std::uint32_t max_allocations = kDefaultMaxAllocations;
    std::uint32_t max_publications = 4 * kDefaultMaxAllocations;
};

/// An allocation's slot and the generation that makes it that allocation.
struct AllocationRef {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    friend bool operator==(const AllocationRef&, const AllocationRef&) = default;
    friend auto operator<=>(const AllocationRef&, const AllocationRef&) = default;
};

struct SlabRef {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
    friend bool operator==(const SlabRef&, const SlabRef&) = default;
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the comparison's own 0 for a pointer
    friend auto operator<=>(const SlabRef&, const SlabRef&) = default;
};

/// Where an allocation lies.
struct Placement {
    SlabRef slab{};
    std::uint64_t offset = 0;
    std::uint64_t size = 0;  ///< as asked for
    std::uint64_t capacity = 0;
    std::uint32_t device = 0;
};

/// What publish writes.
struct PublicationEntry {
    std::string_view name{};
    AllocationRef allocation{};
    DataType type = uint8;
    Shape shape{};
    std::uint64_t size = 0;
    std::span<const std::byte> attributes{};  ///< encoded
    std::int64_t publisher_pid = 0;
    std::string_view publisher{};
    std::uint64_t fence_value = 0;
    std::uint32_t fence_word = 0;
    std::uint64_t time_to_live_ns = 0;  ///< only shown: who publishes removes it; 0: it stays
};

/// What the writer remembers of a name, privately.
struct Publication {
    std::string name{};
    AllocationRef allocation{};
    std::uint64_t version = 0;
};

/// The one writer of one context's table. It creates, seals and owns the segments, keeps its own private copy of what
/// it needs to know, and never reads a decision back from shared memory.
///
/// *Thread safety:* none; the service's control thread calls everything. Readers in other processes and threads may
/// look at any time.
///
/// *Invariants.*
/// 1. An index word is the only commit point: before it is stored the record is complete (release; pairs with the
///    reader's acquire load of the word).
/// 2. A record's generation is 0 from before its first field changes until its last has (every field is stored with
///    release, so a reader that saw a new field sees the 0 or the new generation when it looks again).
/// 3. A name that is replaced keeps its index slot: it is never absent in between.
/// 4. index_state's epoch rises with every rebuild, after the new array is complete.
/// 5. A bucket's sequence rises after the commit, so that a waiter that saw the old sequence also looked before it.
///
/// *When the writer dies* between any two stores, readers see the old state or the new.
class TableWriter {
public:
    /// Errors: out_of_memory, io_error.
    TableWriter(const TableIdentity& identity, const TableLimits& limits);
    TableWriter(TableWriter&&) noexcept;
    TableWriter& operator=(TableWriter&&) noexcept;
    ~TableWriter();

    struct SegmentFile {
        int fd = -1;  ///< valid while the writer lives; -1: there is no such segment
        std::uint64_t bytes = 0;
    };
    /// What is passed to clients.
    [[nodiscard]] SegmentFile segment(SegmentKind kind, std::uint32_t ordinal) const noexcept;

    /// A new allocation in state `created`. Errors: table_full, out_of_memory (a segment). Slots whose generation would
    /// wrap are not used again.
    [[nodiscard]] AllocationRef add_allocation(const Placement& placement);
    /// Follows next_state; returns the state after it, or empty where the event cannot happen (or the generation is
    /// another's), and then does nothing. `reclaim` frees the slot. Stores with sequential consistency (design P2).
    std::optional<AllocationState> apply(AllocationRef allocation, AllocationEvent event) noexcept;
    /// The writer's private view; empty for another generation or a vacant slot.
    [[nodiscard]] std::optional<AllocationState> state(AllocationRef allocation) const noexcept;
    void poison(AllocationRef allocation) noexcept;
    [[nodiscard]] bool poisoned(AllocationRef allocation) const noexcept;
    [[nodiscard]] std::uint64_t allocations() const noexcept;

    /// Errors: table_full, out_of_memory.
    [[nodiscard]] SlabRef add_slab(const SlabHandle& handle, std::uint64_t bytes, std::uint32_t device,
                                   std::int64_t owner_pid);
    void remove_slab(SlabRef slab) noexcept;

    struct Published {
        std::uint64_t version = 0;
        std::optional<AllocationRef> replaced{};  ///< the allocation that lost this name
    };
    /// Binds a name. Errors: already_exists (without replace), table_full, out_of_memory; then nothing changed.
    /// Does not touch the allocation's state: the caller applies `publish` first.
    Published publish(const PublicationEntry& entry, bool replace);
    /// The allocation that lost the name; empty when there was no such name.
    std::optional<AllocationRef> unpublish(std::string_view name);
    [[nodiscard]] const Publication* find(std::string_view name) const noexcept;
    [[nodiscard]] std::uint64_t publications() const noexcept;
    /// Every name now, in no order. `visit(const Publication&)`.
    template <class Visit>
    void for_each_publication(Visit&& visit) const {
        for (const Publication* publication : all_publications()) {
            visit(*publication);
        }
    }

    /// Marks the context ended (`why`: one of the states that are not open) and wakes every waiter.
    void end(ContextState why = ContextState::ended) noexcept;
    /// Wakes who waits for room. To be called after what came back can be had: who saw the old word asks again, and
    /// whoever asked before was told to wait.
    void announce_room() noexcept;
    /// Wakes every waiter of every bucket, and those for room (end does it too).
    void wake_all() noexcept;

    /// Test hook: the generation that the next use of a vacant record or slot starts from.
    void start_generations_at(std::uint32_t generation) noexcept;

private:
    [[nodiscard]] std::vector<const Publication*> all_publications() const;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace fastio::table
