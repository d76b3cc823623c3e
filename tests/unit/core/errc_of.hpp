#pragma once

#include <optional>
#include <string>

#include <fastio/error.hpp>

namespace fastio {

/// The code of the Error that `call` throws; empty if it returns.
template <class Call>
[[nodiscard]] std::optional<Errc> errc_of(Call&& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.errc();
    }
    return std::nullopt;
}

/// The text of the Error that `call` throws; empty if it returns.
template <class Call>
[[nodiscard]] std::string message_of(Call&& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

}  // namespace fastio
