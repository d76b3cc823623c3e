#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fastio/error.hpp>

namespace fastio::cli {

/// Throws Error{code, message}. The message says what was attempted, on what, with which numbers, and what to do.
template <class... Args>
[[noreturn]] void fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
    throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

/// The text of an errno value, for messages.
[[nodiscard]] inline std::string os_error(int number = errno) {
    char buffer[128] = {};
    return ::strerror_r(number, buffer, sizeof buffer);
}

}  // namespace fastio::cli
