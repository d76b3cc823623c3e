#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace fastio {

/// Cyclic, as the GPU compares (CU_STREAM_WAIT_VALUE_GEQ): half of all values count as reached, so that a word may wrap
/// around. Acquire: who sees the value sees what was written before its signal.
[[nodiscard]] inline bool reached(const std::atomic<std::uint64_t>& word, std::uint64_t value) noexcept {
    return static_cast<std::int64_t>(word.load(std::memory_order_acquire) - value) >= 0;
}

/// Pauses of a thread that polls what a GPU writes, which can wake nobody: first it spins, then it sleeps for longer
/// and longer, up to a millisecond. Not for a stream to wait with: that needs no host.
class PollingPauses {
public:
    void pause();

private:
    int spins_ = 0;
    std::chrono::microseconds next_{10};
};

/// Blocks until the word has reached the value.
void wait_on_host(const std::atomic<std::uint64_t>& word, std::uint64_t value);

/// Moves the word to `value` unless it has reached it: it never goes back.
void complete(std::atomic<std::uint64_t>& word, std::uint64_t value) noexcept;

}  // namespace fastio
