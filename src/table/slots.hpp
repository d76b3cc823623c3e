#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fastio::table {

/// Gives out the numbers of an array that grows, first in first out, each use with a generation of its own. A number
/// whose generation would wrap is never given out again, so {number, generation} names one use for ever.
///
/// *Thread safety:* none.
class Slots {
public:
    explicit Slots(std::uint32_t last_generation) : last_generation_(last_generation) {}

    /// Adds `count` numbers. Errors: std::bad_alloc, then nothing changed.
    void grow(std::uint32_t count) {
        const auto before = static_cast<std::uint32_t>(slots_.size());
        slots_.resize(before + count);
        for (std::uint32_t index = before; index < before + count; ++index) {
            slots_[index].generation = first_generation_ - 1;
            append(index);
        }
    }

    [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(slots_.size()); }
    [[nodiscard]] bool none_vacant() const noexcept { return head_ == kNone; }
    [[nodiscard]] bool in_use(std::uint32_t index) const noexcept { return slots_[index].next == kInUse; }
    [[nodiscard]] std::uint32_t generation(std::uint32_t index) const noexcept { return slots_[index].generation; }

    /// The number that has been vacant for longest, with its generation moved on. Only where there is one.
    [[nodiscard]] std::uint32_t take() noexcept {
        const std::uint32_t index = head_;
        Slot& slot = slots_[index];
        head_ = slot.next;
        if (head_ == kNone) {
            tail_ = kNone;
        }
        slot.next = kInUse;
        ++slot.generation;
        return index;
    }

    void give_back(std::uint32_t index) noexcept {
        if (slots_[index].generation == last_generation_) {
            slots_[index].next = kRetired;
        } else {
            append(index);
        }
    }

    /// Test hook: the next use of every number that is vacant now, or is added later, has this generation.
    void start_generations_at(std::uint32_t generation) noexcept {
        first_generation_ = std::clamp(generation, 1U, last_generation_);
        for (std::uint32_t index = head_; index != kNone; index = slots_[index].next) {
            slots_[index].generation = first_generation_ - 1;
        }
    }

private:
    static constexpr std::uint32_t kNone = 0xffff'ffff;
    static constexpr std::uint32_t kInUse = 0xffff'fffe;
    static constexpr std::uint32_t kRetired = 0xffff'fffd;

    struct Slot {
        std::uint32_t generation;
        std::uint32_t next;  ///< the next vacant number, or one of the three above
    };

    void append(std::uint32_t index) noexcept {
        slots_[index].next = kNone;
        (tail_ == kNone ? head_ : slots_[tail_].next) = index;
        tail_ = index;
    }

    std::uint32_t last_generation_;
    std::uint32_t first_generation_ = 1;
    std::uint32_t head_ = kNone;
    std::uint32_t tail_ = kNone;
    std::vector<Slot> slots_;
};

}  // namespace fastio::table
