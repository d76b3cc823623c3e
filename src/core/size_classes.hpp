#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "core/limits.hpp"

namespace fastio {

/// The size classes of the sub-allocator. Sizes below 32 units of 256 bytes have a class each; above, every power of
/// two is divided into 32 classes of equal width, so that the sizes in one class differ by less than 1/32.
inline constexpr std::uint32_t kClassesPerRowLog2 = 5;
inline constexpr std::uint32_t kClassesPerRow = 1U << kClassesPerRowLog2;
/// Row 0 has the small sizes and row r the sizes with the highest unit bit 4 + r. A 64-bit count of bytes has 56 bits
/// of units, so the highest is 55.
inline constexpr std::uint32_t kClassRows = 56 - kClassesPerRowLog2 + 1;
inline constexpr std::uint32_t kClasses = kClassRows * kClassesPerRow;
inline constexpr std::uint32_t kNoClass = 0xFFFF'FFFF;

/// The class of a size that is a multiple of 256 bytes. Monotonic in the size.
[[nodiscard]] constexpr std::uint32_t class_of(std::uint64_t size_bytes) noexcept {
    const std::uint64_t units = size_bytes / kMinAlignment;
    if (units < kClassesPerRow) {
        return static_cast<std::uint32_t>(units);
    }
    const auto shift = static_cast<std::uint32_t>(std::bit_width(units)) - 1 - kClassesPerRowLog2;
    // units >> shift is 32 to 63: the leading 1 counts as one more row.
    return shift * kClassesPerRow + static_cast<std::uint32_t>(units >> shift);
}
static_assert(class_of(~std::uint64_t{0}) == kClasses - 1);

/// Which classes have a free block. One bit per class and one per row, so that each question reads two words.
class ClassMap {
public:
    void set(std::uint32_t size_class) noexcept {
        classes_[size_class / kClassesPerRow] |= 1U << (size_class % kClassesPerRow);
        rows_ |= std::uint64_t{1} << (size_class / kClassesPerRow);
    }

    void clear(std::uint32_t size_class) noexcept {
        std::uint32_t& row = classes_[size_class / kClassesPerRow];
        row &= ~(1U << (size_class % kClassesPerRow));
        if (row == 0) {
            rows_ &= ~(std::uint64_t{1} << (size_class / kClassesPerRow));
        }
    }

    /// The lowest class that is set and not below `from`, or kNoClass. `from` may be kClasses.
    [[nodiscard]] std::uint32_t at_or_above(std::uint32_t from) const noexcept {
        std::uint32_t row = from / kClassesPerRow;
        if (row >= kClassRows) {
            return kNoClass;
        }
        std::uint32_t bits = classes_[row] & (~0U << (from % kClassesPerRow));
        if (bits == 0) {
            const std::uint64_t above = rows_ & (~std::uint64_t{1} << row);
            if (above == 0) {
                return kNoClass;
            }
            row = static_cast<std::uint32_t>(std::countr_zero(above));
            bits = classes_[row];
        }
        return row * kClassesPerRow + static_cast<std::uint32_t>(std::countr_zero(bits));
    }

    /// The highest class that is set, or kNoClass.
    [[nodiscard]] std::uint32_t highest() const noexcept {
        if (rows_ == 0) {
            return kNoClass;
        }
        const auto row = static_cast<std::uint32_t>(std::bit_width(rows_)) - 1;
        return row * kClassesPerRow + static_cast<std::uint32_t>(std::bit_width(classes_[row])) - 1;
    }

private:
    std::uint64_t rows_ = 0;  ///< bit r: classes_[r] is not 0
    std::array<std::uint32_t, kClassRows> classes_{};
};
static_assert(kClassRows <= 64 && kClassesPerRow == 32, "a row is one 32-bit word, and the rows one 64-bit word");

}  // namespace fastio
