#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>

#include <fastio/error.hpp>

namespace fastio::fuzz {

/// The bytes of one input, taken from the front; zeros when they have run out.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t bytes) : left_(std::as_bytes(std::span(data, bytes))) {}

    [[nodiscard]] bool empty() const noexcept { return left_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return left_.size(); }
    template <class T>
    [[nodiscard]] T take() noexcept {
        T value{};
        const std::span<const std::byte> bytes = take_bytes(sizeof(T));
        if (!bytes.empty()) {
            std::memcpy(&value, bytes.data(), bytes.size());
        }
        return value;
    }
    /// As many as there are, `most` at most.
    [[nodiscard]] std::span<const std::byte> take_bytes(std::size_t most) noexcept {
        const std::span<const std::byte> bytes = left_.first(std::min(most, left_.size()));
        left_ = left_.subspan(bytes.size());
        return bytes;
    }

private:
    std::span<const std::byte> left_;
};

/// A statement about the code under test: where it is wrong, the fuzzer keeps the input.
inline void require(bool holds, const char* statement) noexcept {
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", statement);
        std::abort();
    }
}

/// Calls, and lets the errors pass that the call documents. True when there was none.
template <class Call>
bool attempt(std::initializer_list<Errc> documented, Call&& call) {
    try {
        call();
        return true;
    } catch (const Error& error) {
        if (std::find(documented.begin(), documented.end(), error.errc()) == documented.end()) {
            std::fprintf(stderr, "an error that is not documented: %s\n", error.what());
            std::abort();
        }
        return false;
    }
}

}  // namespace fastio::fuzz
