// What CudaMemory promises of streams, in one process.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <atomic>

#include "cuda/device/gate.hpp"
#include "cuda/device/pinned_words.hpp"
#include "device/device_memory.hpp"
#include "device/waiting.hpp"
#include "support/errors.hpp"
#include "support/test_devices.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class CudaStreams : public testing::Test {
protected:
    std::shared_ptr<DeviceMemory> memory_ = make_test_device("cuda");
    PinnedWords words_{*memory_};
    TestStream first_;
    TestStream second_;
    Watchdog watchdog_{"streams that wait for each other"};
};

TEST_F(CudaStreams, ASignalComesAfterTheStreamsEarlierWork) {
    Gate gate;
    gate.hold(first_.get());
    memory_->signal(words_[0], 1, first_.get());
    EXPECT_EQ(words_[0].load(), 0U);
    gate.open();
    wait_on_host(words_[0], 1);
}

TEST_F(CudaStreams, AStreamWaitsForAWordThatTheHostWrites) {
    memory_->wait(words_[0], 3, first_.get());
    memory_->signal(words_[1], 1, first_.get());
    words_[0] = 2;
    EXPECT_EQ(cudaStreamQuery(first_.get()), cudaErrorNotReady);
    words_[0] = 3;
    memory_->synchronise(first_.get());
    EXPECT_EQ(words_[1].load(), 1U);
}

TEST_F(CudaStreams, AMarkOrdersTwoStreams) {
    Gate gate;
    gate.hold(first_.get());
    memory_->signal(words_[0], 1, first_.get());
    const auto mark = memory_->mark(first_.get());
    EXPECT_FALSE(memory_->has_passed(*mark));
    memory_->wait_for(*mark, second_.get());
    memory_->signal(words_[1], 1, second_.get());
    EXPECT_EQ(words_[1].load(), 0U);
    gate.open();
    memory_->synchronise(second_.get());
    EXPECT_EQ(words_[0].load(), 1U);
    EXPECT_TRUE(memory_->has_passed(*mark));
}

TEST_F(CudaStreams, AWordThatIsNotPinnedIsRefused) {
    std::atomic<std::uint64_t> word{0};
    EXPECT_EQ(errc_of([&] { memory_->signal(word, 1, first_.get()); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { memory_->wait(word, 1, first_.get()); }), Errc::invalid_argument);
}

TEST_F(CudaStreams, AStreamThatIsBeingCapturedIsRefused) {
    ASSERT_EQ(cudaStreamBeginCapture(first_.get(), cudaStreamCaptureModeThreadLocal), cudaSuccess);
    EXPECT_EQ(errc_of([&] { memory_->check_stream(first_.get()); }), Errc::unsupported);
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamEndCapture(first_.get(), &graph), cudaSuccess);
    ASSERT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    memory_->check_stream(first_.get());
}

TEST_F(CudaStreams, TheCurrentDeviceStaysTheCallers) {
    int count = 0;
    ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
    if (count < 2) {
        GTEST_SKIP() << "one GPU only";
    }
    ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
    memory_->release(memory_->reserve(std::uint64_t{2} << 20));
    int current = 0;
    ASSERT_EQ(cudaGetDevice(&current), cudaSuccess);
    EXPECT_EQ(current, 1);
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
}

}  // namespace
}  // namespace fastio::test
