#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "table/layout.hpp"
#include "table/segments.hpp"
#include "table/slots.hpp"
#include "table/writer.hpp"

namespace fastio::table {

/// The writer's allocation records, shared and private. State words are stored with sequential consistency: design P2
/// orders them against the clients' lease entries.
///
/// *Thread safety:* none.
class Allocations {
public:
    /// Makes the first segment. Errors: out_of_memory, io_error.
    explicit Allocations(std::uint32_t most);

    /// Errors: table_full, out_of_memory, io_error.
    [[nodiscard]] AllocationRef add(const Placement& placement);
    std::optional<AllocationState> apply(AllocationRef allocation, AllocationEvent event) noexcept;
    [[nodiscard]] std::optional<AllocationState> state(AllocationRef allocation) const noexcept;
    void poison(AllocationRef allocation) noexcept;
    [[nodiscard]] bool poisoned(AllocationRef allocation) const noexcept;

    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] const OwnedSegment* segment(std::uint32_t ordinal) const noexcept {
        return ordinal < segments_.size() ? &segments_[ordinal] : nullptr;
    }
    void start_generations_at(std::uint32_t generation) noexcept { slots_.start_generations_at(generation); }

private:
    void grow();
    [[nodiscard]] bool is(AllocationRef allocation) const noexcept;
    [[nodiscard]] std::byte* shared(std::uint32_t slot) const noexcept;
    void store_state(std::uint32_t slot, StateWord state) noexcept;

    struct Life {
        AllocationState state = AllocationState::vacant;
        bool poisoned = false;
    };

    std::uint32_t most_;
    std::uint32_t count_ = 0;
    Slots slots_{0xffff'ffff};
    std::vector<Life> lives_;  ///< by slot
    std::vector<OwnedSegment> segments_;
};

}  // namespace fastio::table
