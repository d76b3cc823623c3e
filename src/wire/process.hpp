#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "device/descriptor.hpp"

namespace fastio::wire {

/// Clock ticks from boot to the start of a process (/proc/PID/stat, field 22); empty when there is no such process.
/// With the pid it names a process for ever, which the pid alone does not.
[[nodiscard]] std::optional<std::uint64_t> start_ticks(pid_t pid);

/// A pidfd of the process that has `pid` now: pidfd_open between two equal readings of start_ticks. Errors:
/// permission_denied (a pid of 0: it lives in another PID namespace), io_error (no such process, or another one took
/// the number in between).
[[nodiscard]] Descriptor open_pidfd(pid_t pid);

}  // namespace fastio::wire
