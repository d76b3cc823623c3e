#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include <fastio/error.hpp>

namespace fastio::test {

/// The Error that `call` throws. Fails the test if it throws none.
template <class Callable>
Error error_of(Callable&& call) {
    try {
        std::forward<Callable>(call)();
    } catch (const Error& error) {
        EXPECT_GT(std::string(error.what()).size(), 20U) << "the message must say what was attempted";
        return error;
    }
    ADD_FAILURE() << "no error was thrown";
    return {Errc{}, "no error was thrown"};
}

/// Its code alone.
template <class Callable>
Errc errc_of(Callable&& call) {
    return error_of(std::forward<Callable>(call)).errc();
}

}  // namespace fastio::test
