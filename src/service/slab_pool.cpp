#include "service/slab_pool.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/rounding.hpp"

namespace fastio::service {

void SlabPool::add(table::SlabRef ref, OwnedSlab&& memory) {
    slabs_.push_back(std::make_unique<Slab>(Slab{ref, OwnedSlab{}, SubAllocator{memory.bytes}, 0}));
    if (memory.bytes <= next_step()) {  // a slab of a large request's own says nothing about how the pool should grow
        step_ = std::max(step_, memory.bytes);
    }
    slabs_.back()->memory = std::move(memory);
}

void SlabPool::hold_back_freed(DeviceMemory& memory, std::uint64_t most) noexcept {
    memory_ = &memory;
    most_held_back_ = most;
}

std::optional<PlacedBlock> SlabPool::allocate(std::uint64_t size, std::uint64_t alignment) {
    std::optional<PlacedBlock> placed = try_allocate(size, alignment);
    while (!placed && !freed_.empty()) {
        let_go_of_oldest();
        placed = try_allocate(size, alignment);
    }
    return placed;
}

std::optional<PlacedBlock> SlabPool::try_allocate(std::uint64_t size, std::uint64_t alignment) {
    for (const bool in_use : {true, false}) {
        for (const auto& slab : slabs_) {
            if ((slab->used != 0) != in_use || slab->memory.bytes - slab->used < size) {
                continue;
            }
            if (const std::optional<Block> block = slab->blocks.allocate(size, alignment)) {
                slab->used += block->size;
                if (!in_use) {
                    least_empty_ = std::min(least_empty_, empty_count());
                }
                return PlacedBlock{slab->ref, *block};
            }
        }
    }
    return std::nullopt;
}

void SlabPool::free(const PlacedBlock& placed) {
    const Slab* const slab = memory_ != nullptr && placed.block.size <= most_held_back_ ? find(placed.slab) : nullptr;
    if (slab == nullptr) {
        give_back(placed);
        return;
    }
    try {
        memory_->fill(static_cast<std::byte*>(slab->memory.data) + placed.block.offset, kFreedByte, placed.block.size,
                      {});
        freed_.push_back(placed);
    } catch (const std::exception&) {  // a lost device, or no memory to remember it: a diagnosis less
        give_back(placed);
        return;
    }
    held_back_ += placed.block.size;
    while (held_back_ > most_held_back_) {
        let_go_of_oldest();
    }
}

void SlabPool::let_go_of_oldest() {
    const PlacedBlock oldest = freed_.front();
    freed_.pop_front();
    held_back_ -= oldest.block.size;
    give_back(oldest);
}

void SlabPool::let_go() {
    while (!freed_.empty()) {
        let_go_of_oldest();
    }
}

void SlabPool::give_back(const PlacedBlock& placed) {
    for (const auto& slab : slabs_) {
        if (slab->ref == placed.slab) {
            slab->blocks.free(placed.block);
            slab->used -= placed.block.size;
            return;
        }
    }
}

const SlabPool::Slab* SlabPool::find(table::SlabRef ref) const noexcept {
    const auto at = std::find_if(slabs_.begin(), slabs_.end(), [&](const auto& slab) { return slab->ref == ref; });
    return at == slabs_.end() ? nullptr : at->get();
}

std::vector<SlabPool::Slab> SlabPool::take_empty(std::size_t keep) {
    std::vector<Slab> taken;
    const auto is_empty = [](const auto& slab) { return slab->used == 0; };
    taken.reserve(empty_count());  // what was taken out is never lost
    for (std::size_t empties = empty_count(); empties > keep; --empties) {
        auto smallest = slabs_.end();
        for (auto at = slabs_.begin(); at != slabs_.end(); ++at) {
            if (is_empty(*at) && (smallest == slabs_.end() || (*at)->memory.bytes < (*smallest)->memory.bytes)) {
                smallest = at;
            }
        }
        taken.push_back(std::move(**smallest));
        slabs_.erase(smallest);
    }
    least_empty_ = std::min(least_empty_, empty_count());
    return taken;
}

std::optional<SlabPool::Slab> SlabPool::take_any() noexcept {
    if (slabs_.empty()) {
        return std::nullopt;
    }
    std::optional<Slab> slab(std::move(*slabs_.back()));
    slabs_.pop_back();
    return slab;
}

std::size_t SlabPool::empty_count() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(slabs_.begin(), slabs_.end(), [](const auto& slab) { return slab->used == 0; }));
}

std::uint64_t SlabPool::empty_bytes() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& slab : slabs_) {
        sum += slab->used == 0 ? slab->memory.bytes : 0;
    }
    return sum;
}

std::uint64_t SlabPool::reserved() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& slab : slabs_) {
        sum += slab->memory.bytes;
    }
    return sum;
}

std::uint64_t SlabPool::free_bytes() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& slab : slabs_) {
        sum += slab->memory.bytes - slab->used;
    }
    return sum;
}

std::uint64_t SlabPool::largest_free_block() const noexcept {
    std::uint64_t largest = 0;
    for (const auto& slab : slabs_) {
        largest = std::max(largest, slab->blocks.largest_free_block());
    }
    return largest;
}

std::uint64_t SlabPool::growth(std::uint64_t request, std::uint64_t unreserved) const noexcept {
    const std::uint64_t needed = round_up(request, kSlabGranularity);
    const std::uint64_t allowed = round_down(unreserved, kSlabGranularity);
    if (needed > allowed) {
        return 0;
    }
    return std::max(needed, std::min(next_step(), allowed));
}

std::uint64_t SlabPool::next_step() const noexcept {
    return std::clamp(2 * step_, kSlabGranularity, kMaxGrownSlabBytes);
}

}  // namespace fastio::service
