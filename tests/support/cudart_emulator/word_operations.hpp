#pragma once

#include <cuda.h>

#include <atomic>
#include <cstdint>

#include "support/cudart_emulator/work.hpp"

namespace emulator {

/// Stores a word behind all that the stream did before: release, pairs with whoever reads it with acquire.
inline void write_word(const Work& work) noexcept {
    if (work.wide) {
        std::atomic_ref<std::uint64_t>(*static_cast<std::uint64_t*>(work.word))
            .store(work.value, std::memory_order_release);
    } else {
        std::atomic_ref<std::uint32_t>(*static_cast<std::uint32_t*>(work.word))
            .store(static_cast<std::uint32_t>(work.value), std::memory_order_release);
    }
}

template <class Word, class Signed>
[[nodiscard]] bool compares(Word now, Word value, unsigned how) noexcept {
    switch (how) {
        case CU_STREAM_WAIT_VALUE_GEQ:
            return static_cast<Signed>(now - value) >= 0;  // cyclic
        case CU_STREAM_WAIT_VALUE_EQ:
            return now == value;
        case CU_STREAM_WAIT_VALUE_AND:
            return (now & value) != 0;
        default:
            return static_cast<Word>(~(now | value)) != 0;
    }
}

/// Whether a wait is over. The load is an acquire: what the writer did before its store is visible to the work behind.
[[nodiscard]] inline bool word_compares(const Work& work) noexcept {
    if (work.wide) {
        const std::uint64_t now =
            std::atomic_ref<std::uint64_t>(*static_cast<std::uint64_t*>(work.word)).load(std::memory_order_acquire);
        return compares<std::uint64_t, std::int64_t>(now, work.value, work.compare);
    }
    const std::uint32_t now =
        std::atomic_ref<std::uint32_t>(*static_cast<std::uint32_t*>(work.word)).load(std::memory_order_acquire);
    return compares<std::uint32_t, std::int32_t>(now, static_cast<std::uint32_t>(work.value), work.compare);
}

}  // namespace emulator
