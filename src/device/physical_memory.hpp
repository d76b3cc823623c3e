#pragma once

#include <cstdint>
#include <string>

namespace fastio {

/// Bytes of host memory that this process may use: what the machine has, or less where its memory cgroup, or one above
/// it, has a limit (versions 1 and 2). `root` stands before /proc and /sys, for tests.
[[nodiscard]] std::uint64_t physical_memory_bytes(const std::string& root = {});

}  // namespace fastio
