#pragma once

#include <chrono>

namespace fastio::detail {

/// `timeout` from now; the end of time where that would overflow (fastio::forever), now for a negative one.
[[nodiscard]] std::chrono::steady_clock::time_point deadline_after(std::chrono::nanoseconds timeout) noexcept;

/// Waits until `fd` is ready for one of poll's `events`, or at its end; false when the deadline came first.
[[nodiscard]] bool wait_until(int fd, short events, std::chrono::steady_clock::time_point deadline) noexcept;
/// The same for reading.
[[nodiscard]] bool wait_readable(int fd, std::chrono::steady_clock::time_point deadline) noexcept;

}  // namespace fastio::detail
