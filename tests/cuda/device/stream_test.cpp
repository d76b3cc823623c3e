// What CudaMemory promises of streams, in one process.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>

#include "cuda/device/gate.hpp"
#include "device/device_memory.hpp"
#include "device/waiting.hpp"
#include "support/errors.hpp"
#include "support/test_devices.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

/// A page of words that the GPU reaches.
class PinnedWords {
public:
    explicit PinnedWords(DeviceMemory& memory) : memory_(memory) { memory_.pin(page_, kBytes); }
    PinnedWords(const PinnedWords&) = delete;
    PinnedWords& operator=(const PinnedWords&) = delete;
    ~PinnedWords() {
        memory_.unpin(page_);
        ::munmap(page_, kBytes);
    }
    std::atomic<std::uint64_t>& operator[](std::size_t i) { return static_cast<std::atomic<std::uint64_t>*>(page_)[i]; }

private:
    static constexpr std::size_t kBytes = 4096;
    DeviceMemory& memory_;
    void* page_ = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
};

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
