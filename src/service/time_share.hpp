#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace fastio::service {

/// What one asker, a client or all clients of one user, has had of the control thread's time: a bucket that leaks.
class TimeShare {
public:
    using Clock = std::chrono::steady_clock;
    /// What it may have above its share before it is asked to rest: enough to publish some thousand names at a go.
    static constexpr Clock::duration kMost = std::chrono::milliseconds(100);
    /// What a rest makes room for: so that there is not one for each short request.
    static constexpr Clock::duration kTurn = std::chrono::microseconds(500);

    /// Its share is one part of so many.
    explicit constexpr TimeShare(int parts) noexcept : parts_(parts) {}

    /// Of a request that took longer than kMost, as one does during which the service was stopped, no more counts.
    void charge(Clock::time_point now, Clock::duration spent) noexcept {
        dry_ = std::clamp(dry_, now, now + parts_ * kMost) + parts_ * std::min(spent, kMost);
    }
    /// How long it is to rest where others wait; zero while it has not had too much.
    [[nodiscard]] Clock::duration rest(Clock::time_point now) const noexcept {
        return dry_ - now > parts_ * kMost ? dry_ - now - parts_ * (kMost - kTurn) : Clock::duration::zero();
    }

private:
    int parts_;
    Clock::time_point dry_{};  ///< when all of it will have leaked
};

/// Who asks for much rests, as long as others ask that do not. Alone, or among its like, nobody rests: there the
/// control thread is shared turn by turn.
class FairTime {
public:
    /// After something that took the asker's `id` so long: how long it is to rest, zero mostly.
    [[nodiscard]] TimeShare::Clock::duration charge(TimeShare& share, std::uint64_t id,
                                                    TimeShare::Clock::time_point now,
                                                    TimeShare::Clock::duration spent) noexcept {
        constexpr TimeShare::Clock::duration kLately = std::chrono::milliseconds(100);
        share.charge(now, spent);
        const TimeShare::Clock::duration rest = share.rest(now);
        if (rest == TimeShare::Clock::duration::zero()) {
            light_asker_ = id;
            light_asked_ = now;
            return rest;
        }
        return light_asker_ != id && now - light_asked_ < kLately ? rest : TimeShare::Clock::duration::zero();
    }

private:
    std::uint64_t light_asker_ = 0;
    TimeShare::Clock::time_point light_asked_{};  ///< when it asked last
};

}  // namespace fastio::service
