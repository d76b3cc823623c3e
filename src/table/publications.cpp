#include "table/publications.hpp"

#include <algorithm>
#include <cstring>

#include "table/add_segment.hpp"
#include "table/words.hpp"

namespace fastio::table {
namespace {

constexpr Growing kPublicationRecords{SegmentKind::publications, kMaxPublicationSegments, kPublicationsPerSegment,
                                      "free some names"};
constexpr Growing kAttributeSlots{SegmentKind::attributes, kMaxAttributeSegments, kAttributesPerSegment,
                                  "free some names"};

}  // namespace

Publications::Publications() {
    add_segment(kPublicationRecords, segments_, records_);
}

void Publications::make_room(std::size_t attribute_bytes) {
    if (records_.none_vacant()) {
        add_segment(kPublicationRecords, segments_, records_);
    }
    if (attribute_bytes > 0 && attribute_slots_.none_vacant()) {
        add_segment(kAttributeSlots, attribute_segments_, attribute_slots_);
    }
}

std::uint32_t Publications::write_attributes(std::span<const std::byte> attributes) noexcept {
    const std::uint32_t slot = attribute_slots_.take();
    std::byte* const to = attribute_segments_[slot / kAttributesPerSegment].data() +
                          std::uint64_t{slot % kAttributesPerSegment} * kAttributeSlotBytes;
    const std::size_t whole = attributes.size() / kWord * kWord;
    store_words(to, attributes.data(), whole);
    if (whole < attributes.size()) {
        std::uint64_t last = 0;
        std::memcpy(&last, attributes.data() + whole, attributes.size() - whole);
        store_word(to + whole, last);
    }
    return slot;
}

IndexWord Publications::write(const PublicationEntry& entry, std::uint64_t hash, std::uint64_t version,
                              std::uint64_t now_ns) {
    std::string name(entry.name);
    const std::uint32_t index = records_.take();
    Private& own = segments_[index / kPublicationsPerSegment].records[index % kPublicationsPerSegment];
    own.publication = {std::move(name), entry.allocation, version};
    own.hash = hash;
    own.attribute_slot = entry.attributes.empty() ? kNoSlot : write_attributes(entry.attributes);

    PublicationRecord record{};
    record.generation = records_.generation(index);
    record.allocation = entry.allocation.slot;
    record.version = version;
    record.size = entry.size;
    record.allocation_generation = entry.allocation.generation;
    record.type_code = static_cast<std::uint8_t>(entry.type.code);
    record.type_bits = entry.type.bits;
    record.type_lanes = entry.type.lanes;
    record.rank = static_cast<std::uint8_t>(entry.shape.rank);
    record.name_bytes = static_cast<std::uint8_t>(entry.name.size());
    record.attribute_bytes = static_cast<std::uint16_t>(entry.attributes.size());
    record.fence_word = entry.fence_word;
    record.fence_value = entry.fence_value;
    record.published_ns = now_ns;
    record.publisher_pid = entry.publisher_pid;
    std::copy_n(entry.shape.extents.begin(), entry.shape.rank, record.extents);
    entry.name.copy(record.name, sizeof(record.name));
    entry.publisher.copy(record.publisher, sizeof(record.publisher));
    record.hash = hash;
    record.time_to_live_ns = entry.time_to_live_ns;
    record.attribute_slot = own.attribute_slot;

    // The generation, in the first word, was 0 since the record was vacated; it becomes its own when all else stands.
    std::uint64_t first = 0;
    std::memcpy(&first, &record, kWord);
    std::byte* const to = shared(index);
    store_words(to + kWord, reinterpret_cast<const std::byte*>(&record) + kWord, sizeof(record) - kWord);
    store_word(to, first);
    return {static_cast<std::uint16_t>(hash >> 48), index, record.generation};
}

void Publications::vacate(std::uint32_t record) noexcept {
    Private& own = segments_[record / kPublicationsPerSegment].records[record % kPublicationsPerSegment];
    store_word(shared(record), 0);
    if (own.attribute_slot != kNoSlot) {
        attribute_slots_.give_back(own.attribute_slot);
    }
    own = Private{};
    records_.give_back(record);
}

}  // namespace fastio::table
