#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace fastio::service {

/// What one asker, a client or all clients of one user, has had of the control thread's time: a bucket that leaks.
class TimeShare {
public:
    using Clock = std::chrono::steady_clock;
    /// What it may have above its share before it is asked to rest: enough to publish some thousand names at a go.
    static constexpr Clock::duration kMost = std::chrono::milliseconds(100);
    /// What a rest makes room for: so that there is not one for each short request.
    static constexpr Clock::duration kTurn = std::chrono::microseconds(500);
    /// Of one request no more counts: one during which the service was stopped is nobody's fault.
    static constexpr Clock::duration kLongest = std::chrono::seconds(1);

    /// Its share is one part of so many.
    explicit constexpr TimeShare(int parts) noexcept : parts_(parts) {}

    void charge(Clock::time_point now, Clock::duration spent) noexcept {
        dry_ = std::clamp(dry_, now, now + parts_ * kMost) + parts_ * std::min(spent, kLongest);
    }
    /// How long it is to rest where others wait; zero while it has not had too much.
    [[nodiscard]] Clock::duration rest(Clock::time_point now) const noexcept {
        return dry_ - now > parts_ * kMost ? dry_ - now - parts_ * (kMost - kTurn) : Clock::duration::zero();
    }
    /// It has had little lately. Between this and too much it neither rests nor makes others rest.
    [[nodiscard]] bool is_light(Clock::time_point now) const noexcept { return dry_ - now <= parts_ * kMost / 2; }

private:
    int parts_;
    Clock::time_point dry_{};  ///< when all of it will have leaked
};

/// How long the control thread worked at a request. The clock's time is cheap to read and counts what a thread that was
/// interrupted did not do; the processor's is neither. So what took long by the clock counts as what it took of the
/// processor. Otherwise a client that is served while the service is stopped, or has no processor, would rest for eight
/// times as long.
class WorkClock {
public:
    using Clock = TimeShare::Clock;
    static constexpr Clock::duration kLong = std::chrono::milliseconds(10);
    /// What the requests before a long one can add to it.
    static constexpr Clock::duration kFresh = std::chrono::milliseconds(5);

    /// `processor()` gives the time that this thread has had.
    template <class Processor>
    [[nodiscard]] Clock::duration spent(Clock::time_point begin, Clock::time_point now,
                                        Processor&& processor) noexcept {
        const Clock::duration passed = now - begin;
        if (passed < kLong && now - read_at_ < kFresh) {
            return passed;
        }
        read_at_ = now;
        const Clock::duration before = std::exchange(read_, processor());
        return passed < kLong ? passed : std::min(passed, read_ - before);
    }

private:
    Clock::time_point read_at_{};
    Clock::duration read_{0};
};

/// Who asks for much rests, as long as others ask that do not. Alone, or among its like, nobody rests: there the
/// control thread is shared turn by turn.
class FairTime {
public:
    using Clock = TimeShare::Clock;

    /// Before something of the asker `id` is served: how long it is to rest first, zero mostly.
    [[nodiscard]] Clock::duration rest(const TimeShare& share, std::uint64_t id, Clock::time_point now) const noexcept {
        return light_asker_ != id && now - light_asked_ < kLately ? share.rest(now) : Clock::duration::zero();
    }
    /// After it, which took so long.
    void charge(TimeShare& share, std::uint64_t id, Clock::time_point now, Clock::duration spent) noexcept {
        share.charge(now, spent);
        if (share.is_light(now)) {
            light_asker_ = id;
            light_asked_ = now;
        } else if (spent > kLately / 2) {
            light_asked_ += spent;  // meanwhile nobody could ask
        }
    }

private:
    static constexpr Clock::duration kLately = std::chrono::milliseconds(100);

    std::uint64_t light_asker_ = 0;
    Clock::time_point light_asked_{};  ///< when it asked last
};

}  // namespace fastio::service
