// A default stream is that of the memory's GPU, whichever GPU is the calling thread's current one.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "cuda/device/gate.hpp"
#include "cuda/device/pinned_words.hpp"
#include "gpu/gpus.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/errors.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

struct DefaultStreamCase {
    std::string name;
    cudaStream_t handle;
    friend std::ostream& operator<<(std::ostream& out, const DefaultStreamCase& one) { return out << one.name; }
};

// Nothing that is queued is done before something waits for it, so that every GPU shows what it was given.
class DefaultStream : public testing::TestWithParam<DefaultStreamCase> {
protected:
    static constexpr std::uint64_t kSlab = std::uint64_t{2} << 20;

    DefaultStream() { EXPECT_EQ(emulator_.set("FASTIO_EMU_DELAY_US", "60000000"), 0); }
    ~DefaultStream() override {
        words_[0] = 1;
        memory_->synchronise({});
        EXPECT_EQ(emulator_.set("FASTIO_EMU_DELAY_US", "100"), 0);
    }

    /// What `ask` says where that GPU is current.
    template <class Ask>
    static auto on_gpu(int gpu, Ask ask) {
        EXPECT_EQ(cudaSetDevice(gpu), cudaSuccess);
        auto answer = ask();
        EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
        return answer;
    }
    [[nodiscard]] static cudaError_t query_on(int gpu) {
        return on_gpu(gpu, [] { return cudaStreamQuery(GetParam().handle); });
    }
    static void expect_work_on_the_memorys_gpu_alone() {
        EXPECT_EQ(query_on(1), cudaErrorNotReady);
        EXPECT_EQ(query_on(0), cudaSuccess);
        int current = 1;
        EXPECT_EQ(cudaGetDevice(&current), cudaSuccess);
        EXPECT_EQ(current, 0) << "the caller's stays current";
    }

    Watchdog watchdog_{"default streams"};
    const cudart_emulator::Api& emulator_ = *cudart_emulator::find();
    std::shared_ptr<DeviceMemory> memory_ = gpu::make_cuda_memory(gpu::list_gpus().found.at(1).uuid);
    PinnedWords words_{*memory_};
    const Stream stream_ = GetParam().handle;
};

TEST_P(DefaultStream, OfTheMemorysGpuIsWhereSignalsAreQueued) {
    memory_->signal(words_[0], 1, stream_);
    expect_work_on_the_memorys_gpu_alone();
    EXPECT_EQ(words_[0].load(), 0U);
    memory_->synchronise(stream_);
    EXPECT_EQ(words_[0].load(), 1U);
}

TEST_P(DefaultStream, OfTheMemorysGpuIsWhereWaitsAreQueued) {
    memory_->wait(words_[0], 1, stream_);
    expect_work_on_the_memorys_gpu_alone();
}

TEST_P(DefaultStream, OfTheMemorysGpuIsWhatIsMarked) {
    const auto mark = memory_->mark(stream_);
    expect_work_on_the_memorys_gpu_alone();
    EXPECT_FALSE(memory_->has_passed(*mark));
    memory_->synchronise(stream_);
    EXPECT_TRUE(memory_->has_passed(*mark));
}

TEST_P(DefaultStream, OfTheMemorysGpuIsWhatWaitsForAMark) {
    const auto other = on_gpu(1, [] { return std::make_unique<TestStream>(); });
    memory_->signal(words_[1], 1, other->get());
    memory_->wait_for(*memory_->mark(other->get()), stream_);
    expect_work_on_the_memorys_gpu_alone();
}

TEST_P(DefaultStream, OfTheMemorysGpuIsWhatIsWaitedFor) {
    ASSERT_EQ(on_gpu(1,
                     [] {
                         return cudaLaunchHostFunc(
                             GetParam().handle, [](void*) {}, nullptr);
                     }),
              cudaSuccess);
    memory_->synchronise(stream_);
    EXPECT_EQ(query_on(1), cudaSuccess);
}

TEST_P(DefaultStream, OfTheMemorysGpuCopiesAndFills) {
    OwnedSlab slab = memory_->reserve(kSlab);
    memory_->fill(slab.data, std::byte{1}, kSlab, stream_);
    expect_work_on_the_memorys_gpu_alone();
    memory_->synchronise(stream_);
    memory_->copy(slab.data, static_cast<std::byte*>(slab.data) + kSlab / 2, kSlab / 2, stream_);
    expect_work_on_the_memorys_gpu_alone();
    memory_->release(std::move(slab));
}

TEST_P(DefaultStream, OfTheMemorysGpuIsRefusedWhileItTakesPartInACapture) {
    const bool is_captured_itself = GetParam().handle == cudaStreamPerThread;
    cudaStream_t captured = GetParam().handle;
    on_gpu(1, [&] { return is_captured_itself ? cudaSuccess : cudaStreamCreate(&captured); });
    EXPECT_EQ(on_gpu(1, [&] { return cudaStreamBeginCapture(captured, cudaStreamCaptureModeThreadLocal); }),
              cudaSuccess);
    EXPECT_EQ(errc_of([&] { memory_->check_stream(stream_); }), Errc::unsupported);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(on_gpu(1, [&] { return cudaStreamEndCapture(captured, &graph); }), cudaSuccess) << "it was only asked";
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    EXPECT_EQ(is_captured_itself ? cudaSuccess : cudaStreamDestroy(captured), cudaSuccess);
}

INSTANTIATE_TEST_SUITE_P(Handles, DefaultStream,
                         testing::Values(DefaultStreamCase{"Null", nullptr},
                                         DefaultStreamCase{"Legacy", cudaStreamLegacy},
                                         DefaultStreamCase{"PerThread", cudaStreamPerThread}),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace fastio::test
