#include "device/pipe_number.hpp"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>

namespace fastio {

std::optional<std::uint64_t> pipe_number(const char* link) noexcept {
    std::array<char, 64> target{};
    const ssize_t length = ::readlink(link, target.data(), target.size());
    const std::string_view name(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    constexpr std::string_view kBegin = "pipe:[";  // paths begin with a slash
    if (!name.starts_with(kBegin)) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + kBegin.size(), end, number);
    return error == std::errc{} && end - stop == 1 && *stop == ']' ? std::optional(number) : std::nullopt;
}

std::optional<std::uint64_t> pipe_number(int fd) noexcept {
    std::array<char, 32> link{};
    std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
    return pipe_number(link.data());
}

}  // namespace fastio
