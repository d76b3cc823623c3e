#pragma once

#include <cstdint>

namespace fastio {

/// memmove, by several threads where `bytes` is large: one thread does not use all of a machine's memory bandwidth.
/// Ranges that overlap, and machines that give no further thread, are left to the caller's own. Thread-safe.
void copy_memory(void* to, const void* from, std::uint64_t bytes) noexcept;

/// By at most so many threads, the caller's included; no more than 4.
void copy_memory_by(std::uint64_t threads, void* to, const void* from, std::uint64_t bytes) noexcept;

}  // namespace fastio
