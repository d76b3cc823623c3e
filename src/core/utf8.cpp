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

}  // namespace

bool is_text(std::string_view bytes) noexcept {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const auto lead = static_cast<std::uint8_t>(bytes[at++]);
        if (lead == 0) {
            return false;
        }
        if (lead < 0x80) {
            continue;
        }
        Continuation next = after_lead(lead);
        if (next.count == 0 || bytes.size() - at < next.count) {
            return false;
        }
        for (; next.count > 0; --next.count, next.low = 0x80, next.high = 0xBF) {
            const auto byte = static_cast<std::uint8_t>(bytes[at++]);
            if (byte < next.low || byte > next.high) {
                return false;
            }
        }
    }
    return true;
}

std::string quoted_text(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const bool text = is_text(bytes);
    std::string made = "\"";
    for (const char character : bytes) {
        const auto byte = static_cast<std::uint8_t>(character);
        if (byte < 0x20 || byte == 0x7F || (byte > 0x7F && !text)) {
            made += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
            continue;
        }
        if (character == '"' || character == '\\') {
            made += '\\';
        }
        made += character;
    }
    return made + '"';
}

}  // namespace fastio
