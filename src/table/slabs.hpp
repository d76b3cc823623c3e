#pragma once

#include <cstdint>
#include <vector>

#include "table/layout.hpp"
#include "table/segments.hpp"
#include "table/slots.hpp"
#include "table/writer.hpp"

namespace fastio::table {

/// The writer's slab records. The first segment comes with the first slab.
///
/// *Thread safety:* none.
class Slabs {
public:
    /// Errors: table_full, out_of_memory, io_error.
    [[nodiscard]] SlabRef add(const SlabHandle& handle, std::uint64_t bytes, std::uint32_t device,
                              std::int64_t owner_pid);
    void remove(SlabRef slab) noexcept;

    [[nodiscard]] const OwnedSegment* segment(std::uint32_t ordinal) const noexcept {
        return ordinal < segments_.size() ? &segments_[ordinal] : nullptr;
    }
    [[nodiscard]] std::uint64_t segments() const noexcept { return segments_.size(); }
    void start_generations_at(std::uint32_t generation) noexcept { slots_.start_generations_at(generation); }

private:
    [[nodiscard]] std::byte* shared(std::uint32_t index) const noexcept;

    Slots slots_{0xffff'ffff};
    std::vector<OwnedSegment> segments_;
};

}  // namespace fastio::table
