#include "table/record_copy.hpp"

#include "core/rounding.hpp"

namespace fastio::table {

void copy_attributes(const std::byte* record, std::uint64_t first, std::size_t bytes, SegmentMap& segments,
                     std::vector<std::byte>& attributes) {
    const std::uint32_t slot = low(load_word(record + offsetof(PublicationRecord, attribute_slot)));
    // Length and slot may be of two uses of the record: only together do they lead anywhere.
    if (load_word(record) != first) {
        return;
    }
    attributes.resize(round_up(bytes, kWord));
    load_words(segments.attributes(slot), attributes.data(), bytes);
    attributes.resize(bytes);
}

}  // namespace fastio::table
