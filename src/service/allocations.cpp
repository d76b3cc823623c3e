#include "service/allocations.hpp"

#include <algorithm>

namespace fastio::service {

Record& Allocations::add(Session& creator, Account& account, std::uint64_t size, std::uint32_t device,
                         const PlacedBlock& placed) {
    // Room first, so that neither this, nor retiring what was added, can fail half way.
    if (creator.holds.size() == creator.holds.capacity()) {
        creator.holds.reserve(2 * creator.holds.size() + 8);
    }
    if (retired_.capacity() <= count_) {
        retired_.reserve(2 * count_ + 64);
    }
    table::Placement placement;
    placement.slab = placed.slab;
    placement.offset = placed.block.offset;
    placement.size = size;
    placement.capacity = placed.block.size;
    placement.device = device;
    const table::AllocationRef ref = writer_.add_allocation(placement);
    try {
        while (records_.size() <= ref.slot) {
            records_.emplace_back();
        }
    } catch (...) {
        writer_.apply(ref, AllocationEvent::drop_hold);
        writer_.apply(ref, AllocationEvent::reclaim);
        throw;
    }
    Record& record = records_[ref.slot];
    record.ref = ref;
    record.size = size;
    record.device = device;
    record.placed = placed;
    record.account = &account;
    record.holder = &creator;
    record.hold_position = static_cast<std::uint32_t>(creator.holds.size());
    creator.holds.push_back(ref.slot);
    account.bytes += placed.block.size;
    ++account.allocations;
    bytes_ += placed.block.size;
    ++count_;
    return record;
}

Record* Allocations::find(table::AllocationRef ref) noexcept {
    if (ref.generation == 0 || ref.slot >= records_.size() || records_[ref.slot].ref != ref) {
        return nullptr;
    }
    return &records_[ref.slot];
}

bool Allocations::leases(const Session& session, const Record& record, std::uint32_t entry) noexcept {
    return session.leases != nullptr &&
           session.leases->entry(entry) == table::pack_lease(record.ref.slot, record.ref.generation) &&
           !gave_up(record, session, entry);
}

void Allocations::drop_hold(Record& record) noexcept {
    if (record.holder == nullptr) {
        return;
    }
    std::vector<std::uint32_t>& holds = record.holder->holds;
    holds[record.hold_position] = holds.back();
    records_[holds.back()].hold_position = record.hold_position;
    holds.pop_back();
    record.holder = nullptr;
}

void Allocations::settle(Record& record) {
    if (!record.names.empty() || record.holder != nullptr) {
        return;
    }
    const std::optional<AllocationState> state = writer_.state(record.ref);
    if (state == AllocationState::live) {
        writer_.apply(record.ref, AllocationEvent::last_name);
    } else if (state == AllocationState::created) {
        writer_.apply(record.ref, AllocationEvent::drop_hold);
    }
    if (!record.listed) {
        record.listed = true;
        retired_.push_back(record.ref.slot);
    }
}

void Allocations::give_up(Record& record, const Session& session, std::uint32_t entry) {
    if (record.given_up.size() < kMaxGivenUp && leases(session, record, entry)) {
        record.given_up.push_back({session.id, entry});
    }
}

bool Allocations::gave_up(const Record& record, const Session& session, std::uint32_t entry) noexcept {
    return !record.given_up.empty() && std::find(record.given_up.begin(), record.given_up.end(),
                                                 GivenUp{session.id, entry}) != record.given_up.end();
}

std::size_t Allocations::collect(const Members& members) {
    waits_for_entries_ = false;
    if (retired_.empty()) {
        return 0;
    }
    ++scan_;
    for (const auto& [id, session] : members) {
        for_each_lease(*session, [this](Record& record, bool left_to_stream) {
            record.seen = scan_;
            waits_for_entries_ = waits_for_entries_ || (left_to_stream && record.listed);
        });
    }
    std::size_t went = 0;
    std::erase_if(retired_, [&](std::uint32_t slot) {
        Record& record = records_[slot];
        if (record.names.empty() && record.holder == nullptr) {
            if (record.seen == scan_) {
                // Who gave it up when no more could be noted clears its entry without a nudge.
                waits_for_entries_ = waits_for_entries_ || record.given_up.size() == kMaxGivenUp;
                return false;
            }
            reclaim(record);
            ++went;
        }
        record.listed = false;  // else: published again meanwhile
        return true;
    });
    return went;
}

void Allocations::reclaim(Record& record) {
    writer_.apply(record.ref, AllocationEvent::reclaim);
    pools_[record.device].free(record.placed);
    record.account->bytes -= record.placed.block.size;
    --record.account->allocations;
    bytes_ -= record.placed.block.size;
    --count_;
    record = Record{};
}

Record* Allocations::next(std::uint64_t slot) noexcept {
    for (; slot < records_.size(); ++slot) {
        if (records_[slot].ref.generation != 0) {
            return &records_[slot];
        }
    }
    return nullptr;
}

AllocationState Allocations::state(const Record& record) const noexcept {
    if (!record.names.empty()) {
        return AllocationState::live;
    }
    return record.holder != nullptr ? AllocationState::created : AllocationState::retired;
}

}  // namespace fastio::service
