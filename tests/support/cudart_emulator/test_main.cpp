// main() of test programs that run on fake GPUs of their own. With another CUDA runtime than the emulator nothing is
// run: what passed there would say nothing about the emulator, and its results nothing about a GPU.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <iostream>

#include "support/cudart_emulator/private_machine.hpp"

// Of the program's machine: fastio_test(... SWITCHES).
#ifndef FASTIO_TEST_SWITCHES
#define FASTIO_TEST_SWITCHES ""
#endif

namespace {

/// What this program has loaded, or the programs that it starts will load.
bool is_emulator_found() {
    void* const runtime = ::dlopen("libcudart.so.13", RTLD_NOW | RTLD_LOCAL);
    return runtime != nullptr && ::dlsym(runtime, "cudaEmuVersion") != nullptr;
}

}  // namespace

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    if (!::testing::GTEST_FLAG(list_tests) && !is_emulator_found()) {
        std::cout
            << "[  FAILED  ] libcudart.so.13 is not the CUDA runtime emulator: put its folder, cudart_emulator in "
               "the build's, first on LD_LIBRARY_PATH, as ctest does\n";
        return 1;
    }
    const cudart_emulator::PrivateMachine machine(FASTIO_TEST_SWITCHES);
    return RUN_ALL_TESTS();
}
