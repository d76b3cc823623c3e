#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>

#include "core/fail.hpp"
#include "table/reader.hpp"

namespace fastio::table {
namespace {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC

constexpr long kFutexWaitv = 449;  // the same number on every architecture

/// struct futex_waitv of linux/futex.h, which headers before Linux 5.16 lack.
struct Waiter {
    std::uint64_t value;
    std::uint64_t address;
    std::uint32_t flags;
    std::uint32_t reserved;
};
constexpr std::uint32_t kFutex32 = 2;
constexpr std::uint32_t kFutexPrivate = 128;

timespec to_timespec(std::chrono::nanoseconds time) noexcept {
    const auto ns = std::max<std::int64_t>(time.count(), 0);
    return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

Waiter waiter(const std::uint32_t* word, std::uint32_t seen, std::uint32_t flags) noexcept {
    return {seen, reinterpret_cast<std::uintptr_t>(word), kFutex32 | flags, 0};
}

/// Without futex_waitv one word can be slept on: the one that others change. The cancel word is looked at again at
/// least every 10 ms.
WaitResult wait_in_slices(const std::uint32_t* word, std::uint32_t seen, Clock::time_point deadline) {
    constexpr std::chrono::nanoseconds kSlice = std::chrono::milliseconds(10);
    const Clock::time_point now = Clock::now();
    if (now >= deadline) {
        return WaitResult::timed_out;
    }
    const timespec slice = to_timespec(std::min<std::chrono::nanoseconds>(deadline - now, kSlice));
    const bool has_slept = ::syscall(SYS_futex, word, FUTEX_WAIT, seen, &slice, nullptr, 0) != 0 && errno == ETIMEDOUT;
    return has_slept && Clock::now() >= deadline ? WaitResult::timed_out : WaitResult::woken;
}

}  // namespace

WaitResult wait_for_change(const std::uint32_t* word, std::uint32_t seen, const std::uint32_t* cancel,
                           std::uint32_t cancel_seen, Clock::time_point deadline) {
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != seen || __atomic_load_n(cancel, __ATOMIC_ACQUIRE) != cancel_seen) {
        return WaitResult::woken;
    }
    const Waiter waiters[] = {waiter(word, seen, 0), waiter(cancel, cancel_seen, kFutexPrivate)};
    const timespec until = to_timespec(deadline.time_since_epoch());
    const timespec* const timeout = deadline == Clock::time_point::max() ? nullptr : &until;
    if (::syscall(kFutexWaitv, waiters, 2, 0, timeout, CLOCK_MONOTONIC) >= 0) {
        return WaitResult::woken;
    }
    switch (errno) {
        case EAGAIN:  // a word had changed already
        case EINTR:
            return WaitResult::woken;
        case ETIMEDOUT:
            return WaitResult::timed_out;
        case ENOSYS:  // Linux before 5.16
        case EPERM:   // a container whose system call filter does not know it
            return wait_in_slices(word, seen, deadline);
        default:
            fail(Errc::io_error, "could not wait for the service: futex_waitv gave error {}; check the kernel's log",
                 errno);
    }
}

void wake(const std::uint32_t* word, bool shared) noexcept {
    ::syscall(SYS_futex, word, shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace fastio::table
