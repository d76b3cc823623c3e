// main() of test programs that run on fake GPUs of their own.
#include <gtest/gtest.h>

#include "support/cudart_emulator/private_machine.hpp"

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    const cudart_emulator::PrivateMachine machine;
    return RUN_ALL_TESTS();
}
