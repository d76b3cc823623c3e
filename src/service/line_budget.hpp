#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace fastio::service {

/// How many lines of the log somebody may cause: many at a go, and few in the long run, so that nobody fills a disk.
class LineBudget {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::int64_t kAtOnce = 1000;
    static constexpr std::chrono::milliseconds kForEach{100};  ///< until there is room for one more

    /// Empty where the line is one too many. Else how many were left out since the last that was not.
    [[nodiscard]] std::optional<std::uint64_t> take(Clock::time_point now) noexcept {
        const Clock::time_point begin = std::max(full_again_, now);
        if (begin - now > (kAtOnce - 1) * kForEach) {
            ++left_out_;
            return std::nullopt;
        }
        full_again_ = begin + kForEach;
        return std::exchange(left_out_, 0);
    }

private:
    Clock::time_point full_again_{};  ///< when there will be room for kAtOnce
    std::uint64_t left_out_ = 0;
};

}  // namespace fastio::service
