#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/data_type.hpp>

#include "core/life_cycle.hpp"
#include "core/shape.hpp"
#include "device/descriptor.hpp"
#include "device/mapping.hpp"
#include "table/layout.hpp"
#include "table/words.hpp"
#include "table/writer.hpp"

namespace fastio::table {

/// Where a reader gets the segments that it has not mapped yet: from the service, over the socket.
class SegmentSource {
public:
    virtual ~SegmentSource() = default;
    /// Called by several threads at once. Errors: service_lost, protocol_error.
    [[nodiscard]] virtual Descriptor fetch(SegmentKind kind, std::uint32_t ordinal) = 0;
};

/// A copy of one publication record, taken consistently.
struct PublicationCopy {
    std::uint64_t version = 0;
    AllocationRef allocation{};
    DataType type = uint8;
    Shape shape{};
    std::uint64_t size = 0;
    std::uint64_t published_ns = 0;
    std::int64_t publisher_pid = 0;
    std::uint64_t fence_value = 0;
    std::uint32_t fence_word = 0;
    std::vector<std::byte> attributes{};  ///< encoded; empty where there are none
};

/// A listing's row: the copy and what get does not need.
struct PublicationRow {
    std::string name{};
    std::string publisher{};
    std::uint64_t time_to_live_ns = 0;  ///< 0: it stays
    PublicationCopy copy{};
};

/// One process's read-only view of a table. Whatever stands in the shared memory, it ends, stays inside its mappings
/// and returns either what some committed state said or nothing.
///
/// *Thread safety:* every member may be called from any thread; mapping a further segment takes a mutex, reads none.
///
/// *Invariants.*
/// 1. What a lookup found or missed counts only if index_state was the same before and after (pairs with the writer's
///    invariant 4).
/// 2. What was copied from a record counts only if its generation is still the index word's after the copy (writer's
/// 2).
class TableReader {
public:
    /// Maps the header from `header` and checks magic, signature and sizes. Errors: version_mismatch (the layout),
    /// incompatible_host (another boot), corrupt_input.
    TableReader(Descriptor header, SegmentSource& source);
    ~TableReader();
    TableReader(const TableReader&) = delete;
    TableReader& operator=(const TableReader&) = delete;

    [[nodiscard]] const TableHeader& header() const noexcept;
    [[nodiscard]] ContextState context_state() const noexcept;
    [[nodiscard]] bool ended() const noexcept { return context_state() != ContextState::open; }

    /// True and `copy` filled when the name is published; `hash` is hash_name() of it. Afterwards allocation_state()
    /// and placement() of the copy's slot do not throw. `retries` counts repeated lookups. Numbers that the reader
    /// itself uses (rank, lengths, slots) are in range; type, extents and size are as the record has them. Errors:
    /// those of SegmentSource::fetch for a segment not yet mapped, and corrupt_input.
    bool lookup(std::string_view name, std::uint64_t hash, PublicationCopy& copy, std::uint64_t* retries = nullptr);

    /// The state word of a slot, loaded with sequential consistency (design P2). A vacant word where there is no slot.
    [[nodiscard]] StateWord allocation_state(std::uint32_t slot) {
        // Pairs with the writer's store. Ordered after the caller's lease (LeasePages::claim), and so against the
        // service's scan. Here, so that the parts stay in registers: a fifth of a hot get.
        const std::byte* const record = allocation(slot);
        return record == nullptr ? StateWord{} : StateWord::unpack(load_word<__ATOMIC_SEQ_CST>(record));
    }
    /// Where an allocation lies. Only stable while the caller's lease protects it.
    [[nodiscard]] Placement placement(std::uint32_t slot) {
        const std::byte* const record = allocation(slot);
        if (record == nullptr) {
            return {};
        }
        const std::uint64_t slab = load_word(record + offsetof(AllocationRecord, slab));
        return {{low(slab), high(slab)},
                load_word(record + offsetof(AllocationRecord, offset)),
                load_word(record + offsetof(AllocationRecord, size)),
                load_word(record + offsetof(AllocationRecord, capacity)),
                low(load_word(record + offsetof(AllocationRecord, device)))};
    }

    struct Slab {
        SlabHandle handle{};
        std::uint64_t bytes = 0;
        std::uint32_t device = 0;
        std::int64_t owner_pid = 0;
        bool exists = false;
    };
    [[nodiscard]] Slab slab(SlabRef slab);
    /// Those that exist; one that was added or removed during the call may be there or not. Errors as lookup.
    [[nodiscard]] std::vector<SlabRef> slabs();

    /// The rows whose name starts with `prefix`, by name; each was true at some moment during the call, and a name that
    /// was published all the time is there. Errors as lookup.
    [[nodiscard]] std::vector<PublicationRow> list(std::string_view prefix);

    /// The bucket word that a waiter for this hash sleeps on.
    [[nodiscard]] const std::uint32_t* bucket(std::uint64_t hash) const noexcept;
    [[nodiscard]] std::uint32_t bucket_sequence(std::uint64_t hash) const noexcept;  // acquire
    /// The same for who waits for memory.
    [[nodiscard]] const std::uint32_t* room() const noexcept;
    [[nodiscard]] std::uint32_t room_sequence() const noexcept;  // acquire

private:
    /// The record of a slot; null where there is no slot. Errors as lookup.
    [[nodiscard]] const std::byte* allocation(std::uint32_t slot);

    struct State;
    std::unique_ptr<State> state_;
};

/// Between two looks that found the table in change: yields now and then. A writer of ours makes a few looks fail, not
/// 100,000 in a row. Errors: corrupt_input after that many.
void give_way(std::uint32_t pass, std::string_view name);

enum class WaitResult { woken, timed_out };
/// Sleeps until *word differs from `seen`, `*cancel` differs from `cancel_seen`, or the deadline (steady clock) passes;
/// may return early. One futex_waitv on both words (`word` in shared memory, `cancel` private).
WaitResult wait_for_change(const std::uint32_t* word, std::uint32_t seen, const std::uint32_t* cancel,
                           std::uint32_t cancel_seen, std::chrono::steady_clock::time_point deadline);
/// Wakes everybody who sleeps on a word. `shared` for words in shared memory.
void wake(const std::uint32_t* word, bool shared) noexcept;

}  // namespace fastio::table
