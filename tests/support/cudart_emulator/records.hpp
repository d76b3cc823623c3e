#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "support/cudart_emulator/control_layout.hpp"

namespace emulator {

/// The records of a table that may be in use. All of this needs the machine's lock.
template <class Record, std::size_t size>
[[nodiscard]] std::span<Record> used(Record (&records)[size], std::uint32_t end) {
    return {records, end};
}

/// The index of a record for which `is_free` holds, or of one never used; none if the table is full.
template <class Record, std::size_t size, class IsFree>
[[nodiscard]] std::optional<std::uint32_t> find_free(Record (&records)[size], std::uint32_t& end, IsFree is_free) {
    const std::span<Record> seen = used(records, end);
    const auto found = std::find_if(seen.begin(), seen.end(), is_free);
    if (found != seen.end()) {
        return static_cast<std::uint32_t>(found - seen.begin());
    }
    if (end == size) {
        return std::nullopt;
    }
    return end++;
}

/// Takes consecutive blocks of a GPU, a multiple of kBlockBytes; none if its memory or the table is full. Blocks that
/// were given back are used first and still have their contents; `fresh` is set for those that never had any.
[[nodiscard]] std::optional<std::uint32_t> take_run(ControlLayout& layout, std::uint32_t gpu, std::uint64_t bytes,
                                                    bool& fresh);

/// Bytes of a GPU that are not in use.
[[nodiscard]] std::uint64_t free_bytes(const ControlLayout& layout, std::uint32_t gpu);

/// Forgets allocations that are neither live nor mapped, and gives back runs in which no allocation is left.
void drop_unused(ControlLayout& layout);

/// The record with this id; null if there is none.
[[nodiscard]] AllocationRecord* find_allocation(ControlLayout& layout, std::uint64_t id);

}  // namespace emulator
