#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "device/eventfd.hpp"

namespace fastio::detail {

/// One-way messages on their way to the service, oldest first. What the service does not take at once stays here, for
/// the next request or for the helper thread, which is woken for it.
///
/// *Thread safety:* every member, from any thread; one at a time between front() and pop().
///
/// *Invariant.* No message is left behind. A thread that adds one then tries to take the right to send; a thread that
/// gives the right back then looks for messages. Both look under the mutex, so the later one sees what the earlier one
/// did: either the adder gets the right, or the other thread finds the message.
class Outbox {
public:
    /// More than one client can have leases, allocations and watches to speak of.
    static constexpr std::size_t kMost = std::size_t{1} << 18;

    /// Errors: io_error.
    Outbox();

    /// Where there are kMost, or no memory for it, the message is dropped: what it speaks of ends with the session.
    void add(std::span<const std::byte> message) noexcept;
    [[nodiscard]] bool empty() const noexcept;
    /// The oldest, or empty; stays valid until pop().
    [[nodiscard]] std::span<std::byte> front() noexcept;
    void pop() noexcept;

    /// The helper thread is to send what there is: wake_fd() is readable until it has seen that.
    void wake() noexcept;
    void seen() noexcept;
    [[nodiscard]] int wake_fd() const noexcept { return wake_.get(); }

private:
    mutable std::mutex mutex_;
    std::deque<std::vector<std::byte>> messages_;  // guarded by mutex_
    EventFd wake_{};
};

}  // namespace fastio::detail
