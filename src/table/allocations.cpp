#include "table/allocations.hpp"

#include <algorithm>

#include "core/fail.hpp"
#include "table/add_segment.hpp"
#include "table/words.hpp"

namespace fastio::table {
namespace {

constexpr Growing kAllocationRecords{SegmentKind::allocations, kMaxAllocationSegments, kAllocationsPerSegment,
                                     "restart the job"};

}  // namespace

Allocations::Allocations(std::uint32_t most) : most_(std::min(most, kMostAllocations)) {
    grow();
}

void Allocations::grow() {
    lives_.resize((segments_.size() + 1) * kAllocationsPerSegment);
    add_segment(kAllocationRecords, segments_, slots_);
}

AllocationRef Allocations::add(const Placement& placement) {
    if (count_ >= most_) {
        fail(Errc::table_full,
             "could not add an allocation of {} bytes: the context has {} and may have {}; free "
             "some, or raise fastiod's --max-allocations",
             placement.size, count_, most_);
    }
    if (slots_.none_vacant()) {
        grow();
    }
    const std::uint32_t slot = slots_.take();
    const std::uint32_t generation = slots_.generation(slot);
    AllocationRecord record{};
    record.offset = placement.offset;
    record.size = placement.size;
    record.capacity = placement.capacity;
    record.slab = placement.slab.index;
    record.slab_generation = placement.slab.generation;
    record.device = placement.device;
    store_words(shared(slot) + kWord, reinterpret_cast<const std::byte*>(&record) + kWord, sizeof(record) - kWord);
    lives_[slot] = {AllocationState::created, false};
    store_state(slot, {generation, AllocationState::created, false});
    ++count_;
    return {slot, generation};
}

bool Allocations::is(AllocationRef allocation) const noexcept {
    return allocation.slot < slots_.size() && slots_.in_use(allocation.slot) &&
           slots_.generation(allocation.slot) == allocation.generation;
}

std::byte* Allocations::shared(std::uint32_t slot) const noexcept {
    return segments_[slot / kAllocationsPerSegment].data() +
           std::uint64_t{slot % kAllocationsPerSegment} * sizeof(AllocationRecord);
}

void Allocations::store_state(std::uint32_t slot, StateWord state) noexcept {
    // Pairs with TableReader::allocation_state, after which a reader's lease counts or does not.
    store_word<__ATOMIC_SEQ_CST>(shared(slot), state.pack());
}

std::optional<AllocationState> Allocations::apply(AllocationRef allocation, AllocationEvent event) noexcept {
    if (!is(allocation)) {
        return std::nullopt;
    }
    Life& life = lives_[allocation.slot];
    const std::optional<AllocationState> next = next_state(life.state, event);
    if (!next) {
        return std::nullopt;
    }
    const bool vacant = *next == AllocationState::vacant;
    life = {*next, life.poisoned && !vacant};
    store_state(allocation.slot, {allocation.generation, life.state, life.poisoned});
    if (vacant) {
        --count_;
        slots_.give_back(allocation.slot);
    }
    return next;
}

std::optional<AllocationState> Allocations::state(AllocationRef allocation) const noexcept {
    return is(allocation) ? std::optional(lives_[allocation.slot].state) : std::nullopt;
}

void Allocations::poison(AllocationRef allocation) noexcept {
    if (is(allocation)) {
        Life& life = lives_[allocation.slot];
        life.poisoned = true;
        store_state(allocation.slot, {allocation.generation, life.state, true});
    }
}

bool Allocations::poisoned(AllocationRef allocation) const noexcept {
    return is(allocation) && lives_[allocation.slot].poisoned;
}

}  // namespace fastio::table
