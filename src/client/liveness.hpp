#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/fork_guard.hpp"

namespace fastio::detail {

/// Why a client's calls fail from some moment on.
enum class Ending : std::uint32_t {
    none = 0,
    closed = 1,       ///< Context::close
    ended = 2,        ///< the job's context was ended
    lost = 3,         ///< the service died, or ended this session
    device_lost = 4,  ///< the context's GPU was lost, and the context with it
    given_up = 5,     ///< a call waited for the service no longer; for everything else as `lost`
};

/// Throws what a call says after such an end. Errors: context_closed, device_unavailable, service_lost.
[[noreturn]] void fail_ended(Ending why, std::string_view call);

/// Whether a client may still be used, and the private futex word that ends its waits.
///
/// *Thread safety:* every member, from any thread.
///
/// *Invariant.* The first ending stays. It is stored before the cancel word changes (release; pairs with the acquire
/// load in cancel_seen), so whoever read the new word also finds the ending.
class Liveness {
public:
    [[nodiscard]] bool alive() const noexcept { return !witness_.forked() && ending() == Ending::none; }
    [[nodiscard]] bool forked() const noexcept { return witness_.forked(); }
    // Acquire: who finds an ending, or the loss, finds what was done before end() was told of it (pairs with its
    // stores, which release).
    [[nodiscard]] Ending ending() const noexcept { return ending_.load(std::memory_order_acquire); }
    /// True once the session is known to be over at the service, or given up, whatever came first.
    [[nodiscard]] bool lost() const noexcept { return lost_.load(std::memory_order_acquire); }

    /// Errors: forked; service_lost; context_closed.
    void check(std::string_view call) const {
        witness_.check(call);
        if (ending() != Ending::none) [[unlikely]] {
            fail_ended(ending(), call);
        }
    }
    void check_not_forked(std::string_view call) const { witness_.check(call); }

    /// Ends every call and wakes every wait. Does nothing in a forked child.
    void end(Ending why) noexcept;

    /// What wait_for_change sleeps on besides the table's bucket. Read cancel_seen, then check, then sleep.
    [[nodiscard]] const std::uint32_t* cancel_word() const noexcept { return &cancel_; }
    [[nodiscard]] std::uint32_t cancel_seen() const noexcept { return __atomic_load_n(&cancel_, __ATOMIC_ACQUIRE); }

private:
    ForkWitness witness_;
    std::atomic<Ending> ending_{Ending::none};
    std::atomic<bool> lost_{false};
    alignas(4) std::uint32_t cancel_ = 0;  // a plain word for the futex; accessed by __atomic builtins
};

}  // namespace fastio::detail
