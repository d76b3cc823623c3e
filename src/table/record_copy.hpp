#pragma once

#include <cstddef>
#include <cstdint>

#include "table/reader.hpp"
#include "table/segment_map.hpp"
#include "table/words.hpp"

namespace fastio::table {

/// The word of a record that says how much of it there is.
struct RecordLengths {
    std::uint8_t rank;
    std::uint8_t name_bytes;
    std::uint16_t attribute_bytes;
    std::uint32_t fence_word;

    [[nodiscard]] static RecordLengths load(const std::byte* record) noexcept {
        constexpr std::size_t kAt = offsetof(PublicationRecord, rank);
        static_assert(kAt % kWord == 0 && offsetof(PublicationRecord, name_bytes) == kAt + 1 &&
                      offsetof(PublicationRecord, attribute_bytes) == kAt + 2 &&
                      offsetof(PublicationRecord, fence_word) == kAt + 4);
        const std::uint64_t word = load_word(record + kAt);
        return {static_cast<std::uint8_t>(word), static_cast<std::uint8_t>(word >> 8),
                static_cast<std::uint16_t>(word >> 16), high(word)};
    }
};

/// Copies the attributes of a record. Nothing is copied where the record has changed, which the caller finds out.
void copy_attributes(const std::byte* record, std::uint64_t first, std::size_t bytes, SegmentMap& segments,
                     std::vector<std::byte>& attributes);

/// Copies what a get needs from the record at `record`, whose first word was `first`. What came out counts only if the
/// first word is still the same afterwards: until then the fields may be of two uses of the record. False when a number
/// is out of range; the copy is then incomplete.
[[nodiscard, gnu::always_inline]] inline bool copy_record(const std::byte* record, std::uint64_t first,
                                                          SegmentMap& segments, PublicationCopy& copy) {
    // Fields are taken out of whole words in registers: going through memory costs a third of a hot lookup.
    constexpr std::size_t kType = offsetof(PublicationRecord, allocation_generation);
    static_assert(kType % kWord == 0 && offsetof(PublicationRecord, type_code) == kType + 4 &&
                  offsetof(PublicationRecord, type_bits) == kType + 5 &&
                  offsetof(PublicationRecord, type_lanes) == kType + 6);
    const std::uint64_t type = load_word(record + kType);
    const RecordLengths lengths = RecordLengths::load(record);
    if (lengths.rank > kMaxDimensions || lengths.attribute_bytes > kMaxAttributeBytes ||
        high(first) >= kMostAllocations || low(type) == 0) [[unlikely]] {
        return false;
    }
    copy.version = load_word(record + offsetof(PublicationRecord, version));
    copy.allocation = {high(first), low(type)};
    copy.type = {static_cast<TypeCode>(static_cast<std::uint8_t>(type >> 32)), static_cast<std::uint8_t>(type >> 40),
                 static_cast<std::uint16_t>(type >> 48)};
    copy.size = load_word(record + offsetof(PublicationRecord, size));
    copy.published_ns = load_word(record + offsetof(PublicationRecord, published_ns));
    copy.publisher_pid = static_cast<std::int64_t>(load_word(record + offsetof(PublicationRecord, publisher_pid)));
    copy.fence_value = load_word(record + offsetof(PublicationRecord, fence_value));
    copy.fence_word = lengths.fence_word;
    copy.shape.rank = lengths.rank;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kMaxDimensions; ++i) {
        copy.shape.extents[i] =
            static_cast<std::int64_t>(load_word(record + offsetof(PublicationRecord, extents) + i * kWord));
    }
    copy.attributes.clear();
    if (lengths.attribute_bytes > 0) [[unlikely]] {
        copy_attributes(record, first, lengths.attribute_bytes, segments, copy.attributes);
    }
    return true;
}

}  // namespace fastio::table
