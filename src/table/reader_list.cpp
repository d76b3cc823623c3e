#include <algorithm>
#include <cstring>

#include "core/fail.hpp"
#include "table/reader_state.hpp"
#include "table/record_copy.hpp"

namespace fastio::table {
namespace {

/// Walks that a rebuild may interrupt in a row; a rebuild comes after a quarter of an array's worth of commits.
constexpr std::uint32_t kMostWalks = 1'000;

struct Names {
    std::string name;
    std::string publisher;
};

Names copy_names(const std::byte* record, std::size_t name_bytes) {
    char words[kMaxNameBytes + 1];
    load_words(record + offsetof(PublicationRecord, name), words, name_bytes);
    char publisher[sizeof(PublicationRecord::publisher)];
    load_words(record + offsetof(PublicationRecord, publisher), publisher, sizeof(publisher));
    return {std::string(words, name_bytes), std::string(publisher, ::strnlen(publisher, sizeof(publisher)))};
}

}  // namespace

bool TableReader::State::row_at(const std::uint64_t* word_at, std::uint64_t packed_state, std::string_view prefix,
                                PublicationRow& row) {
    for (std::uint32_t pass = 0;; ++pass) {
        const std::uint64_t packed = load_word(word_at);
        if (packed <= IndexWord::kTombstone || index_state() != packed_state) {
            return false;
        }
        const IndexWord word = IndexWord::unpack(packed);
        const std::byte* const record = segments.publication(word.record);
        const std::uint64_t first = load_word(record);
        if (static_cast<std::uint32_t>(first) != word.generation) {
            expect_change(word_at, packed, packed_state);
            give_way(pass, prefix);
            continue;
        }
        const std::size_t name_bytes = RecordLengths::load(record).name_bytes;
        Names names = copy_names(record, name_bytes);
        const bool wanted = name_bytes > 0 && std::string_view(names.name).starts_with(prefix);
        row.time_to_live_ns = load_word(record + offsetof(PublicationRecord, time_to_live_ns));
        const bool in_range = wanted && copy_record(record, first, segments, row.copy);
        if (load_word(record) != first) {
            give_way(pass, prefix);
            continue;
        }
        if (name_bytes == 0 || (wanted && !in_range)) {
            fail(Errc::corrupt_input, "the table's record {} has numbers out of range; restart the job", word.record);
        }
        row.name = std::move(names.name);
        row.publisher = std::move(names.publisher);
        return wanted;
    }
}

std::vector<PublicationRow> TableReader::list(std::string_view prefix) {
    State& own = *state_;
    std::vector<PublicationRow> rows;
    for (std::uint32_t walk = 0; walk < kMostWalks; ++walk) {
        rows.clear();
        const std::uint64_t packed_state = own.index_state();
        const SegmentMap::IndexArray index = own.segments.index(IndexState::unpack(packed_state).ordinal);
        PublicationRow row;
        for (std::uint32_t position = 0; position <= index.mask && own.index_state() == packed_state; ++position) {
            if (own.row_at(index.words + position, packed_state, prefix, row)) {
                rows.push_back(row);
            }
        }
        if (own.index_state() == packed_state) {
            // A name that was removed and published again during the walk may stand in two places: the newer counts.
            std::sort(rows.begin(), rows.end(), [](const PublicationRow& a, const PublicationRow& b) {
                return a.name != b.name ? a.name < b.name : a.copy.version > b.copy.version;
            });
            const auto same = [](const PublicationRow& a, const PublicationRow& b) { return a.name == b.name; };
            rows.erase(std::unique(rows.begin(), rows.end(), same), rows.end());
            return rows;
        }
    }
    fail(Errc::corrupt_input, "could not list the names under '{}': the table was rebuilt during each of {} walks",
         prefix, kMostWalks);
}

std::vector<SlabRef> TableReader::slabs() {
    std::vector<SlabRef> found;
    const std::uint64_t segments = std::min<std::uint64_t>(load_word(&state_->header->slab_segments), kMaxSlabSegments);
    for (std::uint32_t index = 0; index < segments * kSlabsPerSegment; ++index) {
        const std::uint64_t word = load_word(state_->segments.slab(index));
        if (low(word) == 1) {
            found.push_back({index, high(word)});
        }
    }
    return found;
}

}  // namespace fastio::table
