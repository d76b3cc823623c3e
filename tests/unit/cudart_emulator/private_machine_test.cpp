#include "support/cudart_emulator/private_machine.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace cudart_emulator {
namespace {

constexpr const char* kVariable = "FASTIO_EMU_DIR";

/// Machines of the test's own beside this program's.
class PrivateMachines : public testing::Test {
protected:
    PrivateMachines() { ::unsetenv(kVariable); }
    ~PrivateMachines() override { ::setenv(kVariable, programs_own_.c_str(), 1); }

    const std::string programs_own_ = std::getenv(kVariable);
};

TEST_F(PrivateMachines, AreNotTakenForAbandonedWhenTheLastProcessHasLeftAndAnotherComes) {
    const PrivateMachine one;
    const std::filesystem::path folder = std::getenv(kVariable);
    std::filesystem::create_directory(folder);  // the first process
    std::filesystem::remove(folder);            // as the last one does
    std::filesystem::create_directory(folder);
    ::unsetenv(kVariable);
    const PrivateMachine another;  // removes what is abandoned
    EXPECT_TRUE(std::filesystem::exists(folder));
}

TEST_F(PrivateMachines, LeaveNothing) {
    std::filesystem::path folder;
    {
        const PrivateMachine one;
        folder = std::getenv(kVariable);
        std::filesystem::create_directory(folder);
    }
    EXPECT_FALSE(std::filesystem::exists(folder.parent_path()));
}

}  // namespace
}  // namespace cudart_emulator
