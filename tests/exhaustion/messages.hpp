#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include <fastio/error.hpp>

namespace fastio::test {

/// What a call says that must fail with `expected`.
template <class Callable>
std::string message_of(Errc expected, Callable&& call) {
    try {
        std::forward<Callable>(call)();
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), expected) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "no error was thrown";
    return {};
}

inline void expect_in(const std::string& message, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) {
        EXPECT_NE(message.find(part), std::string::npos) << "'" << part << "' is not in: " << message;
    }
}

}  // namespace fastio::test
