#include "device/waiting.hpp"

#include <algorithm>
#include <thread>

namespace fastio {

void PollingPauses::pause() {
    constexpr int kSpins = 1000;
    constexpr std::chrono::microseconds kLongest{1000};
    if (spins_ < kSpins) {
        ++spins_;
        return;
    }
    std::this_thread::sleep_for(next_);
    next_ = std::min(2 * next_, kLongest);
}

void wait_on_host(const std::atomic<std::uint64_t>& word, std::uint64_t value) {
    PollingPauses pauses;
    while (!reached(word, value)) {
        pauses.pause();
    }
}

void complete(std::atomic<std::uint64_t>& word, std::uint64_t value) noexcept {
    std::uint64_t seen = word.load(std::memory_order_acquire);
    // Release: pairs with reached(). Whoever completes a word has poisoned what it stands for before.
    while (static_cast<std::int64_t>(seen - value) < 0 &&
           !word.compare_exchange_weak(seen, value, std::memory_order_acq_rel, std::memory_order_acquire)) {
    }
}

}  // namespace fastio
