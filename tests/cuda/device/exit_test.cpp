// Contexts that are there when their process ends. The CUDA runtime must not be called by then, and where it is it
// gives 4 (cudaErrorCudartUnloading).
#include <gtest/gtest.h>

#include <filesystem>

#include "cuda/device/stream_operator.hpp"
#include "process/service_process.hpp"
#include "support/temp_dir.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class ContextsAtTheEndOfTheProcess : public testing::Test {
protected:
    /// Ends an operator that has used its stream, mapped a slab and pinned words.
    void end(const std::string& how) {
        StreamOperator one(service_.socket(), "cuda:0", {{"FASTIO_EMU_FAULT_FILE", calls_after_main_}});
        ASSERT_EQ(one.ask("create a 4096"), "ok");
        ASSERT_EQ(one.ask("write a 7"), "ok");
        ASSERT_EQ(one.ask("publish a name"), "ok");
        ASSERT_EQ(one.ask("create b 4096"), "ok");
        ASSERT_EQ(one.ask("outlive_main " + how), "ok");
        one.say("quit");
        EXPECT_EQ(one.process().wait(), (ExitStatus{0, 0}));
        service_.wait_until_empty();
    }

    Watchdog watchdog_{"the end of a process"};
    TempDir folder_;
    const std::string calls_after_main_ = folder_.file("calls");
    ServiceProcess service_;
};

TEST_F(ContextsAtTheEndOfTheProcess, ThatNobodyDestroysCallCudaNoMore) {
    end("leaked");
    EXPECT_FALSE(std::filesystem::exists(calls_after_main_)) << "it has a line for each call after main";
}

TEST_F(ContextsAtTheEndOfTheProcess, ThatAreDestroyedAfterMainEndInOrderWhereCudaIsGone) {
    end("static");
    EXPECT_TRUE(std::filesystem::exists(calls_after_main_)) << "nothing was refused, so that this shows nothing";
}

}  // namespace
}  // namespace fastio::test
