#pragma once

#include <fmt/format.h>

#include <utility>

#include <fastio/error.hpp>

namespace fastio {

/// Throws Error{code, message}. The message says what was attempted, on what, with which numbers, and what to do.
template <class... Args>
[[noreturn]] void fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
    throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace fastio
