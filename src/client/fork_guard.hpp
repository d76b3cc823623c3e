#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <string_view>

/// What a client does about fork() (design P9).
namespace fastio::detail {

/// Rises in every child that fork() makes of this process; written only by the handler that runs in the child, which
/// has one thread then. The flag of the process that P9 asks for.
extern constinit std::atomic<std::uint32_t> fork_generation;

/// Remembers in which process an object was made. Every path that writes a lease, a fence word or a message asks it
/// first.
class ForkWitness {
public:
    /// True in a child that was forked after the object was made. No system call.
    [[nodiscard]] bool forked() const noexcept { return made_in_ != fork_generation.load(std::memory_order_relaxed); }
    /// Errors: forked.
    void check(std::string_view call) const {
        if (forked()) [[unlikely]] {
            fail_forked(call);
        }
    }

private:
    [[noreturn]] static void fail_forked(std::string_view call);

    std::uint32_t made_in_ = fork_generation.load(std::memory_order_relaxed);
};

/// Calls `close_copies` in every child that is forked while this object lives. It runs between fork() and the child's
/// first instruction, when other threads' locks may be held for ever: it may only call what is async-signal-safe.
/// *Thread safety:* objects may be made and destroyed from any thread; a fork() waits for that.
class ForkRegistration {
public:
    /// Errors: io_error (the system has no room for the handlers).
    explicit ForkRegistration(std::function<void()> close_copies);
    ForkRegistration(const ForkRegistration&) = delete;
    ForkRegistration& operator=(const ForkRegistration&) = delete;
    ~ForkRegistration();

private:
    ForkWitness witness_;
    std::list<std::function<void()>>::iterator place_;
};

}  // namespace fastio::detail
