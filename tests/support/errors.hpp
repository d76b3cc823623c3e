#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include <fastio/error.hpp>

namespace fastio::test {

/// The code of the Error that `call` throws. Fails the test if it throws none.
template <class Callable>
Errc errc_of(Callable&& call) {
    try {
        std::forward<Callable>(call)();
    } catch (const Error& error) {
        EXPECT_GT(std::string(error.what()).size(), 20U) << "the message must say what was attempted";
        return error.errc();
    }
    ADD_FAILURE() << "no error was thrown";
    return Errc{};
}

}  // namespace fastio::test
