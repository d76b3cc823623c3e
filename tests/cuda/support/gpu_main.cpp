// main() of test programs whose cases need a GPU from their first line. Without one nothing is run, visibly; with
// FASTIO_REQUIRE_GPU=ON that is a failure.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "cuda/support/gpu_present.hpp"

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    const std::string reason = fastio::test::why_no_kernels();
    if (reason.empty() || ::testing::GTEST_FLAG(list_tests)) {
        return RUN_ALL_TESTS();
    }
    const char* const required = std::getenv("FASTIO_REQUIRE_GPU");
    if (required != nullptr && std::string_view(required) == "ON") {
        std::cout << "[  FAILED  ] FASTIO_REQUIRE_GPU is ON, and " << reason << '\n';
        return 1;
    }
    std::cout << "[  SKIPPED ] " << reason << '\n';
    return 0;
}
