#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include <fastio/error.hpp>

namespace fastio::test {

/// The calls of DeviceMemory that can be failed, delayed and counted.
enum class DeviceCall : std::uint8_t { reserve, release, open, close, copy, fill, pin, signal, wait, synchronise };

/// What FaultyMemory does to its calls, by orders of a test.
/// *Thread safety:* every call may be made from any thread.
class Faults {
public:
    Faults() = default;
    Faults(const Faults&) = delete;
    Faults& operator=(const Faults&) = delete;
    ~Faults() = default;

    /// The `nth` of these calls from now on (1 is the next) throws Error{code, message} and does nothing else; those
    /// before and after it work. Orders add up. Errors: invalid_argument (nth 0; close, which cannot fail).
    void fail(DeviceCall call, std::uint64_t nth, Errc code, std::string message);
    /// Every one of these calls fails until clear(). Errors as fail.
    void fail_always(DeviceCall call, Errc code, std::string message);
    /// The device is lost from now on: every call that can fail does, with device_unavailable, and is_lost() says so.
    void lose();
    [[nodiscard]] const std::atomic<int>& loss() const noexcept { return loss_; }  ///< 1 then

    /// Forgets the orders to fail for this call.
    void clear(DeviceCall call);

    /// Shuts a gate: these calls wait at it, before they do anything, until unblock().
    void block(DeviceCall call);
    void unblock(DeviceCall call);
    /// Returns when at least `count` of these calls wait at the gate.
    void wait_until_blocked(DeviceCall call, std::uint64_t count = 1);

    /// How many of these calls were begun, the failed and the waiting ones included.
    [[nodiscard]] std::uint64_t calls(DeviceCall call) const;
    /// How many of these calls wait at the gate now.
    [[nodiscard]] std::uint64_t blocked(DeviceCall call) const;

    /// What FaultyMemory does first in each call: counts it, waits at the gate, and throws what was ordered.
    void enter(DeviceCall call);

private:
    struct Failure {
        Errc code{};
        std::string message{};
    };
    struct Plan {
        std::uint64_t calls = 0;
        std::uint64_t blocked = 0;
        bool gate_shut = false;
        bool always = false;
        Failure every{};                             ///< for `always`
        std::map<std::uint64_t, Failure> by_call{};  ///< key: the value of `calls` at which it is due
    };
    [[nodiscard]] Plan& plan(DeviceCall call) { return plans_[static_cast<std::size_t>(call)]; }
    [[nodiscard]] const Plan& plan(DeviceCall call) const { return plans_[static_cast<std::size_t>(call)]; }

    mutable std::mutex mutex_;
    std::atomic<int> loss_{0};
    std::condition_variable changed_;  ///< a gate opened, or a call came to one
    std::array<Plan, static_cast<std::size_t>(DeviceCall::synchronise) + 1> plans_;
};

}  // namespace fastio::test
