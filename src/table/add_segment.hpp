#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/fail.hpp"
#include "table/segments.hpp"
#include "table/slots.hpp"

namespace fastio::table {

/// An array of records that grows by segments.
struct Growing {
    SegmentKind kind{};
    std::uint32_t most_segments = 0;
    std::uint32_t per_segment = 0;
    const char* remedy = nullptr;  ///< where it cannot grow any more
};

/// Adds a segment, which Segment makes of its kind, and the numbers of its records. Errors: table_full, out_of_memory,
/// io_error; then nothing changed.
template <class Segment>
void add_segment(const Growing& array, std::vector<Segment>& segments, Slots& slots) {
    if (segments.size() == array.most_segments) {
        fail(Errc::table_full, "could not add records of {}: all {} segments of {} exist; {}", to_string(array.kind),
             array.most_segments, array.per_segment, array.remedy);
    }
    Segment segment(array.kind);
    segments.reserve(segments.size() + 1);
    slots.grow(array.per_segment);
    segments.push_back(std::move(segment));
}

}  // namespace fastio::table
