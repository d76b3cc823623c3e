#include "core/attributes.hpp"

#include <cstdint>
#include <string_view>

#include "core/fail.hpp"
#include "core/limits.hpp"
#include "core/utf8.hpp"

namespace fastio {
namespace {

constexpr std::size_t kPairHeaderBytes = 4;
static_assert(kMaxAttributeBytes <= 0xFFFF, "a key or a value must fit its 16-bit length");

void put_length(std::vector<std::byte>& out, std::size_t length) {
    out.push_back(static_cast<std::byte>(length & 0xFF));
    out.push_back(static_cast<std::byte>(length >> 8));
}

void put_text(std::vector<std::byte>& out, std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

std::size_t length_at(std::span<const std::byte> bytes) noexcept {
    return std::to_integer<std::size_t>(bytes[0]) | (std::to_integer<std::size_t>(bytes[1]) << 8);
}

std::string text_of(std::span<const std::byte> bytes) {
    std::string text(bytes.size(), '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        text[i] = static_cast<char>(bytes[i]);
    }
    return text;
}

}  // namespace

std::vector<std::byte> encode_attributes(const Attributes& attributes) {
    std::size_t total = 0;
    for (const auto& [key, value] : attributes) {
        if (key.empty()) {
            fail(Errc::invalid_argument, "an attribute with the value {} has an empty key: name it",
                 quoted_text(std::string_view(value).substr(0, 32)));
        }
        if (!is_text(key) || !is_text(value)) {
            fail(Errc::invalid_argument,
                 "the attribute {} has a NUL or bytes that are not UTF-8: encode binary values as text",
                 quoted_text(std::string_view(key).substr(0, 32)));
        }
        total += kPairHeaderBytes + key.size() + value.size();
    }
    if (total > kMaxAttributeBytes) {
        fail(Errc::invalid_argument,
             "{} attributes take {} bytes, the limit is {}: publish large metadata as an allocation of its own",
             attributes.size(), total, kMaxAttributeBytes);
    }

    std::vector<std::byte> out;
    out.reserve(total);
    for (const auto& [key, value] : attributes) {
        put_length(out, key.size());
        put_length(out, value.size());
        put_text(out, key);
        put_text(out, value);
    }
    return out;
}

Attributes decode_attributes(std::span<const std::byte> bytes) {
    if (bytes.size() > kMaxAttributeBytes) {
        fail(Errc::corrupt_input, "attributes of {} bytes were received, the limit is {}", bytes.size(),
             kMaxAttributeBytes);
    }
    Attributes attributes;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto rest = bytes.subspan(at);
        if (rest.size() < kPairHeaderBytes) {
            fail(Errc::corrupt_input, "attributes end inside a pair's lengths, {} bytes after offset {}", rest.size(),
                 at);
        }
        const std::size_t key_bytes = length_at(rest);
        const std::size_t value_bytes = length_at(rest.subspan(2));
        if (key_bytes == 0 || kPairHeaderBytes + key_bytes + value_bytes > rest.size()) {
            fail(Errc::corrupt_input, "the attribute at offset {} has a key of {} and a value of {} bytes, {} are left",
                 at, key_bytes, value_bytes, rest.size() - kPairHeaderBytes);
        }
        std::string key = text_of(rest.subspan(kPairHeaderBytes, key_bytes));
        std::string value = text_of(rest.subspan(kPairHeaderBytes + key_bytes, value_bytes));
        if (!is_text(key) || !is_text(value)) {
            fail(Errc::corrupt_input, "the attribute at offset {} has a NUL or bytes that are not UTF-8", at);
        }
        // Only the encoder's own order is taken, so that one set of attributes has one encoding and no key comes twice.
        if (!attributes.empty() && key <= attributes.rbegin()->first) {
            fail(Errc::corrupt_input, "the attribute {} at offset {} comes twice or out of order", quoted_text(key),
                 at);
        }
        attributes.emplace_hint(attributes.end(), std::move(key), std::move(value));
        at += kPairHeaderBytes + key_bytes + value_bytes;
    }
    return attributes;
}

}  // namespace fastio
