#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "service/record.hpp"
#include "service/session.hpp"
#include "table/leases.hpp"

namespace fastio::service {

using Members = std::map<std::uint64_t, Session*>;

/// The allocations of one context: who holds them, which are retired, and which of those nobody leases any more.
///
/// *Invariants.*
/// 1. A record is reclaimed only when its state is retired, nobody holds it, and one scan of every member's lease pages
///    that began after it was retired found it in none (given-up entries aside).
/// 2. The state was stored with sequential consistency before that scan's loads (pairs with LeasePages::claim).
/// 3. Every listed record is in retired_ exactly once.
class Allocations {
public:
    Allocations(table::TableWriter& writer, std::vector<SlabPool>& pools) : writer_(writer), pools_(pools) {}

    /// A new allocation, held by `creator`. Errors: table_full, out_of_memory; then nothing changed.
    Record& add(Session& creator, Account& account, std::uint64_t size, std::uint32_t device,
                const PlacedBlock& placed);

    /// Null for another generation, a vacant slot, or one that never was.
    [[nodiscard]] Record* find(table::AllocationRef ref) noexcept;
    /// The record of a slot that stands in a session's holds.
    [[nodiscard]] Record& held_at(std::uint32_t slot) noexcept { return records_[slot]; }

    /// True when `session` shows its own lease on the record in entry `entry`.
    [[nodiscard]] static bool leases(const Session& session, const Record& record, std::uint32_t entry) noexcept;

    void drop_hold(Record& record) noexcept;
    /// It lost its last name or its hold: if nothing else keeps it, the next collect may take it.
    void settle(Record& record);
    /// `entry` of `session` does not count for this record until it is published again.
    void give_up(Record& record, const Session& session, std::uint32_t entry);

    /// True when a retired allocation might be reclaimed by a scan.
    [[nodiscard]] bool any_retired() const noexcept { return !retired_.empty(); }
    /// The last collect left one that will be free when an entry is cleared, of which nobody is told: a stream's, or
    /// one of very many that gave it up.
    [[nodiscard]] bool waits_for_entries() const noexcept { return waits_for_entries_; }
    /// One scan over the lease pages of `members` for every retired allocation; returns how many went.
    std::size_t collect(const Members& members);

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

    /// Calls visit(Record&, whether a stream will clear it) for every lease that counts.
    template <class Visit>
    void for_each_lease(const Session& session, Visit&& visit) {
        if (session.leases == nullptr) {
            return;
        }
        session.leases->scan([&](table::AllocationRef ref, std::uint32_t entry, bool left_to_stream) {
            Record* const record = find(ref);
            if (record != nullptr && !gave_up(*record, session, entry)) {
                visit(*record, left_to_stream);
            }
        });
    }
    /// The first record in use at `slot` or above; null when there is none.
    [[nodiscard]] Record* next(std::uint64_t slot) noexcept;
    /// What the table says of it; a hold counts as created.
    [[nodiscard]] AllocationState state(const Record& record) const noexcept;

private:
    [[nodiscard]] static bool gave_up(const Record& record, const Session& session, std::uint32_t entry) noexcept;
    void reclaim(Record& record);

    table::TableWriter& writer_;
    std::vector<SlabPool>& pools_;
    std::deque<Record> records_;  // by slot
    std::vector<std::uint32_t> retired_;
    std::uint64_t scan_ = 0;
    std::uint64_t count_ = 0;
    std::uint64_t bytes_ = 0;
    bool waits_for_entries_ = false;
};

}  // namespace fastio::service
