#pragma once

#include <cstdint>
#include <optional>

namespace fastio {

/// Where an allocation is in its life. Written only by the service, as the low half of the allocation's state word;
/// the high half is the generation.
enum class AllocationState : std::uint32_t {
    vacant = 0,   ///< the slot is unused
    created = 1,  ///< kept by its creator's hold; no name leads to it
    live = 2,     ///< at least one name leads to it: the only state in which a new lease counts
    retired = 3,  ///< no name, no hold; it goes when no lease is left
};

enum class AllocationEvent : std::uint8_t {
    create,     ///< vacant -> created
    publish,    ///< created, live or retired -> live (a lease holder may publish what has no name any more)
    last_name,  ///< live -> retired: its last name was removed
    drop_hold,  ///< created -> retired: released, freed, or its creator's session ended before a publish
    reclaim,    ///< retired -> vacant: no lease was found
};

/// The state after `event`, or empty where the event cannot happen in `state`.
[[nodiscard]] std::optional<AllocationState> next_state(AllocationState state, AllocationEvent event) noexcept;

/// The state word: generation in the high 32 bits, state in the low 31, poisoned in bit 31.
struct StateWord {
    std::uint32_t generation = 0;
    AllocationState state = AllocationState::vacant;
    bool poisoned = false;

    [[nodiscard]] static constexpr StateWord unpack(std::uint64_t word) noexcept {
        return {static_cast<std::uint32_t>(word >> 32), static_cast<AllocationState>(word & 0x7fff'ffffU),
                (word & 0x8000'0000U) != 0};
    }
    [[nodiscard]] constexpr std::uint64_t pack() const noexcept {
        return (std::uint64_t{generation} << 32) | static_cast<std::uint32_t>(state) | (poisoned ? 0x8000'0000U : 0U);
    }
    friend constexpr bool operator==(const StateWord&, const StateWord&) = default;
};

}  // namespace fastio
