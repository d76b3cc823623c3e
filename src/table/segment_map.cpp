#include "table/segment_map.hpp"

#include <bit>

#include "core/fail.hpp"
#include "device/memfd.hpp"
#include "table/segments.hpp"

namespace fastio::table {
namespace {

/// The writer's largest array is two doublings above its most names.
constexpr std::uint64_t kMaxIndexBytes = std::uint64_t{kMaxPublications} * 4 * sizeof(std::uint64_t);

bool is_size_of(SegmentKind kind, std::uint64_t bytes) noexcept {
    if (kind == SegmentKind::index) {
        return std::has_single_bit(bytes) && bytes >= segment_bytes(kind) && bytes <= kMaxIndexBytes;
    }
    return bytes >= segment_bytes(kind);
}

}  // namespace

Mapping map_segment(const Descriptor& file, SegmentKind kind, std::uint32_t ordinal) {
    // A file that could shrink would let its owner stop this process with SIGBUS.
    if (!has_size_seals(file.get())) {
        fail(Errc::corrupt_input,
             "could not map {} segment {} of a table: its file is not sealed in size; is the "
             "other side a fastiod?",
             to_string(kind), ordinal);
    }
    const std::uint64_t bytes = file_bytes(file.get());
    if (!is_size_of(kind, bytes)) {
        fail(Errc::corrupt_input, "could not map {} segment {} of a table: its file has {} bytes, expected {}{}",
             to_string(kind), ordinal, bytes, segment_bytes(kind),
             kind == SegmentKind::index ? " doubled up to 12 times" : " at least");
    }
    return Mapping(file.get(), bytes, Mapping::Access::read_only);
}

void SegmentMap::refuse(SegmentKind kind, std::uint32_t ordinal) {
    fail(Errc::corrupt_input, "the table names {} segment {}, which no table has; restart the job", to_string(kind),
         ordinal);
}

const std::byte* SegmentMap::attributes(std::uint32_t slot) {
    const std::uint32_t ordinal = slot / kAttributesPerSegment;
    if (ordinal >= kMaxAttributeSegments) {
        refuse(SegmentKind::attributes, ordinal);
    }
    const std::size_t offset = std::size_t{slot % kAttributesPerSegment} * kAttributeSlotBytes;
    // Acquire: pairs with the release in pointer().
    AttributeBlock* const block = attribute_blocks_[ordinal / kAttributeBlock].load(std::memory_order_acquire);
    if (block != nullptr) {
        const std::byte* const data = (*block)[ordinal % kAttributeBlock].load(std::memory_order_acquire);
        if (data != nullptr) {
            return data + offset;
        }
    }
    return map(SegmentKind::attributes, ordinal) + offset;
}

SegmentMap::Pointer& SegmentMap::pointer(SegmentKind kind, std::uint32_t ordinal) {
    switch (kind) {
        case SegmentKind::index:
            return index_[ordinal].words;
        case SegmentKind::publications:
            return publications_[ordinal];
        case SegmentKind::allocations:
            return allocations_[ordinal];
        case SegmentKind::slabs:
            return slabs_[ordinal];
        case SegmentKind::attributes:
        case SegmentKind::header:
            break;
    }
    auto& entry = attribute_blocks_[ordinal / kAttributeBlock];
    AttributeBlock* block = entry.load(std::memory_order_relaxed);
    if (block == nullptr) {
        owned_blocks_.push_back(std::make_unique<AttributeBlock>());
        block = owned_blocks_.back().get();
        entry.store(block, std::memory_order_release);
    }
    return (*block)[ordinal % kAttributeBlock];
}

const std::byte* SegmentMap::map(SegmentKind kind, std::uint32_t ordinal) {
    // Without the mutex, because the source may wait: each thread for itself, with an end of its own.
    Mapping mapping = map_segment(source_.fetch(kind, ordinal), kind, ordinal);
    const std::byte* const data = mapping.data();
    const std::lock_guard lock(mutex_);
    Pointer& entry = pointer(kind, ordinal);
    if (const std::byte* const first = entry.load(std::memory_order_relaxed); first != nullptr) {
        return first;  // another thread was first
    }
    if (kind == SegmentKind::index) {
        index_[ordinal].mask = static_cast<std::uint32_t>(mapping.size() / sizeof(std::uint64_t) - 1);
    }
    mappings_.push_back(std::move(mapping));
    entry.store(data, std::memory_order_release);
    return data;
}

}  // namespace fastio::table
