#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include <fastio/error.hpp>

#include "module.hpp"

namespace fastio::python {

/// What a C++ caller gets as Error, Python gets as the class of its Errc: `fastio._errors` has them. This throws the
/// same for what the bindings themselves find. The message says what was tried, with which numbers, and what to do.
template <class... Args>
[[noreturn]] void fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
    throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

/// Makes a C++ error the Python error of this thread, where no exception may pass.
void set_error(const Error& error) noexcept;

/// A TypeError: "`call` was given `what` of type `type(value)`: `wanted`".
[[noreturn]] void fail_type(const char* call, const char* what, nb::handle value, const char* wanted);

/// str() and repr() of an object, for messages.
[[nodiscard]] std::string text_of(nb::handle value);
[[nodiscard]] std::string repr_of(nb::handle value);

}  // namespace fastio::python
