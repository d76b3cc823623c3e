#include "table/slabs.hpp"

#include "table/add_segment.hpp"
#include "table/words.hpp"

namespace fastio::table {
namespace {

constexpr Growing kSlabRecords{SegmentKind::slabs, kMaxSlabSegments, kSlabsPerSegment, "restart the job"};

}  // namespace

std::byte* Slabs::shared(std::uint32_t index) const noexcept {
    return segments_[index / kSlabsPerSegment].data() + std::uint64_t{index % kSlabsPerSegment} * sizeof(SlabRecord);
}

SlabRef Slabs::add(const SlabHandle& handle, std::uint64_t bytes, std::uint32_t device, std::int64_t owner_pid) {
    if (slots_.none_vacant()) {
        add_segment(kSlabRecords, segments_, slots_);
    }
    const std::uint32_t index = slots_.take();
    const std::uint32_t generation = slots_.generation(index);
    SlabRecord record{};
    record.bytes = bytes;
    record.handle = handle;
    record.owner_pid = owner_pid;
    record.device = device;
    static_assert(offsetof(SlabRecord, state) == 0);
    store_words(shared(index) + kWord, reinterpret_cast<const std::byte*>(&record) + kWord, sizeof(record) - kWord);
    store_word(shared(index), std::uint64_t{generation} << 32 | 1U);
    return {index, generation};
}

void Slabs::remove(SlabRef slab) noexcept {
    if (slab.index >= slots_.size() || !slots_.in_use(slab.index) || slots_.generation(slab.index) != slab.generation) {
        return;
    }
    store_word(shared(slab.index), std::uint64_t{slab.generation} << 32);
    slots_.give_back(slab.index);
}

}  // namespace fastio::table
