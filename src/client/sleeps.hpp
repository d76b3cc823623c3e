#pragma once

#include <algorithm>
#include <chrono>

namespace fastio::detail {

/// How long a wait sleeps at a time, where something may happen that does not end a sleep: the first sleeps are short,
/// so that it is soon seen, later ones long enough to cost nothing.
class Sleeps {
public:
    using Clock = std::chrono::steady_clock;

    /// Without `looks_around` there is nothing to be seen, and a sleep ends with the wait.
    Sleeps(Clock::time_point deadline, bool looks_around) noexcept : deadline_(deadline), looks_around_(looks_around) {}

    [[nodiscard]] Clock::time_point end_of_next() noexcept {
        if (!looks_around_) {
            return deadline_;
        }
        const auto end = Clock::now() + next_;
        next_ = std::min(2 * next_, kLongest);
        return std::min(deadline_, end);
    }

private:
    static constexpr std::chrono::milliseconds kLongest{256};

    Clock::time_point deadline_;
    bool looks_around_;
    std::chrono::milliseconds next_{1};
};

}  // namespace fastio::detail
