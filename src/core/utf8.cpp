#include "core/utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace fastio {
namespace {

/// What may follow a lead byte: how many bytes, and the range of the first of them. The ranges narrower than 80..BF are
/// what excludes overlong forms, surrogates and code points above U+10FFFF. `count` is 0 for bytes that lead nothing.
struct Continuation {
    std::size_t count = 0;
    std::uint8_t low = 0x80;
    std::uint8_t high = 0xBF;
};

constexpr Continuation after_lead(std::uint8_t lead) noexcept {
    if (lead >= 0xC2 && lead <= 0xDF) {
        return {1, 0x80, 0xBF};
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        return {2, static_cast<std::uint8_t>(lead == 0xE0 ? 0xA0 : 0x80),
                static_cast<std::uint8_t>(lead == 0xED ? 0x9F : 0xBF)};
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        return {3, static_cast<std::uint8_t>(lead == 0xF0 ? 0x90 : 0x80),
                static_cast<std::uint8_t>(lead == 0xF4 ? 0x8F : 0xBF)};
    }
    return {};
}

/// How many bytes the character that starts at `at` has; 0 where none does.
std::size_t character_bytes(std::string_view bytes, std::size_t at) noexcept {
    const auto lead = static_cast<std::uint8_t>(bytes[at]);
    if (lead < 0x80) {
        return lead == 0 ? 0 : 1;
    }
    Continuation next = after_lead(lead);
    const std::size_t count = next.count + 1;
    if (next.count == 0 || bytes.size() - at < count) {
        return 0;
    }
    for (std::size_t i = 1; i < count; ++i, next.low = 0x80, next.high = 0xBF) {
        const auto byte = static_cast<std::uint8_t>(bytes[at + i]);
        if (byte < next.low || byte > next.high) {
            return 0;
        }
    }
    return count;
}

/// C0, DEL, and C1 (U+0080 to U+009F), of which terminals obey some too.
bool is_control(std::string_view character) noexcept {
    const auto lead = static_cast<std::uint8_t>(character[0]);
    return lead < 0x20 || lead == 0x7F || (lead == 0xC2 && static_cast<std::uint8_t>(character[1]) < 0xA0);
}

/// Adds `bytes` to `made`, with a backslash before each of `marked`.
void add_printable(std::string& made, std::string_view bytes, std::string_view marked) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t count = character_bytes(bytes, at);
        const std::string_view character = bytes.substr(at, count == 0 ? 1 : count);
        at += character.size();
        if (count != 0 && !is_control(character)) {
            made += marked.find(character[0]) != std::string_view::npos ? "\\" : "";
            made += character;
            continue;
        }
        for (const char one : character) {
            const auto byte = static_cast<std::uint8_t>(one);
            made += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
        }
    }
}

}  // namespace

bool is_text(std::string_view bytes) noexcept {
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t count = character_bytes(bytes, at);
        if (count == 0) {
            return false;
        }
        at += count;
    }
    return true;
}

std::string printable(std::string_view bytes) {
    std::string made;
    made.reserve(bytes.size());
    add_printable(made, bytes, {});
    return made;
}

std::string quoted_text(std::string_view bytes) {
    std::string made = "\"";
    add_printable(made, bytes, "\"\\");
    return made + '"';
}

}  // namespace fastio
