#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

/// Records change while readers look. Both sides move them in aligned 8-byte words, stored with release and loaded with
/// acquire: a reader that saw any word of a later use of a record also sees, when it looks again, that the generation
/// has moved. No fences, so that the thread sanitizer follows.
namespace fastio::table {

inline constexpr std::size_t kWord = sizeof(std::uint64_t);

template <int kOrder = __ATOMIC_ACQUIRE>
[[nodiscard]] inline std::uint64_t load_word(const void* at) noexcept {
    return __atomic_load_n(static_cast<const std::uint64_t*>(at), kOrder);
}

template <int kOrder = __ATOMIC_RELEASE>
inline void store_word(void* at, std::uint64_t value) noexcept {
    __atomic_store_n(static_cast<std::uint64_t*>(at), value, kOrder);
}

/// The fields of a word that holds two of 32 bits.
[[nodiscard]] constexpr std::uint32_t low(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word);
}
[[nodiscard]] constexpr std::uint32_t high(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word >> 32);
}

/// `bytes` is rounded up to whole words: `to` has room for them.
inline void load_words(const std::byte* from, void* to, std::size_t bytes) noexcept {
    auto* out = static_cast<std::byte*>(to);
    for (std::size_t at = 0; at < bytes; at += kWord) {
        const std::uint64_t word = load_word(from + at);
        std::memcpy(out + at, &word, kWord);
    }
}

/// Whole words only: `bytes` is a multiple of 8.
inline void store_words(std::byte* to, const void* from, std::size_t bytes) noexcept {
    const auto* in = static_cast<const std::byte*>(from);
    for (std::size_t at = 0; at < bytes; at += kWord) {
        std::uint64_t word = 0;
        std::memcpy(&word, in + at, kWord);
        store_word(to + at, word);
    }
}

/// True when the `bytes` (at least 1) of `text` are what stands at `shared`, NUL-padded to a whole word.
[[nodiscard]] inline bool equal_words(const std::byte* shared, const char* text, std::size_t bytes) noexcept {
    std::size_t at = 0;
    std::uint64_t word = 0;
    for (; at + kWord <= bytes; at += kWord) {
        std::memcpy(&word, text + at, kWord);
        if (load_word(shared + at) != word) {
            return false;
        }
    }
    const std::size_t rest = bytes - at;
    if (rest == 0) {
        return true;
    }
    if (bytes >= kWord) {
        // The text's last eight bytes, without those that were compared already.
        std::memcpy(&word, text + bytes - kWord, kWord);
        word >>= 8 * (kWord - rest);
    } else {
        word = 0;
        for (std::size_t i = 0; i < rest; ++i) {
            word |= std::uint64_t{static_cast<unsigned char>(text[at + i])} << (8 * i);
        }
    }
    return load_word(shared + at) == word;
}

}  // namespace fastio::table
