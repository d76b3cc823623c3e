#pragma once

#include <cstdint>
#include <string_view>

#include "table/reader.hpp"
#include "table/segment_map.hpp"
#include "table/words.hpp"

namespace fastio::table {

/// How a look at one index word ended.
enum class Look {
    found,
    missing,  ///< the probe came to its end
    moved,    ///< the record is not the index word's any more: look again
};

struct TableReader::State {
    State(const Descriptor& file, SegmentSource& source);

    [[nodiscard]] std::uint64_t index_state() const noexcept { return load_word(&header->index_state); }

    /// Looks for the name once, in the array that `packed_state` names. Only counts if index_state is still the same
    /// afterwards.
    Look look(std::uint64_t packed_state, std::string_view name, std::uint64_t hash, PublicationCopy& copy);

    /// The row that an index word leads to now; false where it leads to none, or to another prefix.
    bool row_at(const std::uint64_t* word_at, std::uint64_t packed_state, std::string_view prefix, PublicationRow& row);

    /// Called where a record was not what its index word said. In a table that a writer keeps, the word or index_state
    /// has changed then: the record's new generation was stored, with release, after them. Errors: corrupt_input
    /// where neither has.
    void expect_change(const std::uint64_t* word_at, std::uint64_t word, std::uint64_t packed_state) const;

    Mapping memory;
    const TableHeader* header;
    SegmentMap segments;
};

}  // namespace fastio::table
