// Kernels, and the deaths and releases around them (design P3, P6 to P8). The same on a GPU and on the emulator. No
// kernel takes longer than a second, and what holds a stream up is a host function, which ends with its process.
#include <gtest/gtest.h>

#include <string>

#include "cuda/ordering/kernel_operator.hpp"
#include "support/temp_dir.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class LivesOfKernels : public testing::Test {
protected:
    explicit LivesOfKernels(const std::string& device = "cuda:0")
        : fastiod_(ChildProcess::start(
              beside_this_program("fastiod"),
              {"--socket", socket_, "--device", device, "--fence-limit", "3600", "--log-level", "error"})) {}

    /// A driver may open a slab only once no stream is held up: that is done before one is.
    void open_the_slab() {
        ASSERT_EQ(producer_.ask("produce first 1 0"), "ok");
        ASSERT_EQ(consumer_.ask("consume first 1"), "ok");
        ASSERT_EQ(consumer_.ask("wrong"), "0");
    }

    Watchdog watchdog_{"lives of kernels"};
    TempDir folder_;
    const std::string socket_ = folder_.file("fastiod.sock");
    ChildProcess fastiod_;
    KernelOperator producer_{socket_};
    KernelOperator consumer_{socket_};
};

TEST_F(LivesOfKernels, AKernelThatNothingOrdersReadsWhatWasThereBefore) {
    ASSERT_NO_FATAL_FAILURE(open_the_slab());
    ASSERT_EQ(producer_.ask("produce_held name 7"), "ok");
    ASSERT_EQ(consumer_.ask("consume name 7"), "ok");
    EXPECT_EQ(consumer_.ask("wrong"), "131072") << "every word: else the other tests could see nothing";
    ASSERT_EQ(producer_.ask("go"), "ok");  // its kernel begins after the consumer's has ended
}

TEST_F(LivesOfKernels, AStreamThatWaitsGoesOnWhenTheServiceIsKilled) {
    ASSERT_NO_FATAL_FAILURE(open_the_slab());
    ASSERT_EQ(producer_.ask("hold"), "ok");
    ASSERT_EQ(producer_.ask("produce name 7 0"), "ok");
    ASSERT_EQ(consumer_.ask("take name"), "ok");
    fastiod_.kill();
    EXPECT_EQ(consumer_.ask("finish"), "ok") << "its own host has completed the word";
    EXPECT_TRUE(consumer_.ask("check").starts_with("error service_lost: "));
    EXPECT_TRUE(consumer_.ask("keep 1 8").starts_with("error service_lost: "));
    ASSERT_EQ(producer_.ask("go"), "ok");
}

TEST_F(LivesOfKernels, MemoryThatWasReleasedOnAStreamIsNobodysBeforeItsKernelsAreDone) {
    ASSERT_EQ(producer_.ask("produce name 7 0"), "ok");
    // The kernel that looks at the words begins late.
    ASSERT_EQ(consumer_.ask("consume_late name 7 500000"), "ok");
    ASSERT_EQ(producer_.ask("keep 8 9"), "ok");  // one of them would be given that memory if it were free
    EXPECT_EQ(consumer_.ask("wrong"), "0");
    while (consumer_.ask("allocations") != "8") {
    }
}

TEST_F(LivesOfKernels, ADeadProducersMemoryIsKeptWhileAForkedChildOfItLives) {
    KernelOperator dying(socket_);
    KernelOperator childless(socket_);
    ASSERT_EQ(dying.ask("keep 1 7"), "ok");
    ASSERT_EQ(dying.ask("fork"), "ok");
    ASSERT_EQ(childless.ask("keep 2 7"), "ok");
    dying.process().kill();
    childless.process().kill();
    while (std::stoi(consumer_.ask("allocations")) > 1) {  // the grace is over of the one that died later
    }
    EXPECT_EQ(consumer_.ask("allocations"), "1");
    EXPECT_NE(consumer_.ask("quarantined"), "0");
    dying.let_children_end();
    while (consumer_.ask("allocations") != "0") {
    }
    EXPECT_EQ(consumer_.ask("quarantined"), "0");
}

class LivesOfKernelsOnTwoGpus : public LivesOfKernels {
protected:
    LivesOfKernelsOnTwoGpus() : LivesOfKernels("auto") {}
    void SetUp() override {
        if (consumer_.ask("gpus") == "1") {
            GTEST_SKIP() << "there is one GPU";
        }
        if (consumer_.ask("peers") != "ok") {
            GTEST_SKIP() << "cuda:1 cannot reach cuda:0";
        }
    }
};

TEST_F(LivesOfKernelsOnTwoGpus, AKernelReadsWhatOneOfAnotherGpuWrote) {
    KernelOperator peer(socket_, "cuda:1");
    for (int round = 1; round <= 20; ++round) {
        const std::string what = "name-" + std::to_string(round) + " " + std::to_string(round);
        ASSERT_EQ(producer_.ask("produce " + what + " 200"), "ok");
        ASSERT_EQ(peer.ask("consume " + what), "ok");
    }
    EXPECT_EQ(peer.ask("wrong"), "0");
}

}  // namespace
}  // namespace fastio::test
