// What orders work and what does not. Work is delayed until something synchronises, so that what is not ordered is late
// for sure: without ordering a consumer reads stale data.
#include <atomic>
#include <thread>

#include "fixture.hpp"

namespace fastio::test {
namespace {

class Streams : public EmulatorTest {
protected:
    Streams() {
        source.fill(0);
        target.fill(0);
        set("FASTIO_EMU_DELAY_US", "60000000", "100");
    }
    ~Streams() override { cudaDeviceSynchronize(); }

    /// The producer's kernel, and the consumer's, which reads what the first has made by then.
    cudaError_t produce(int value, cudaStream_t stream) {
        return cudaMemsetAsync(source.data(), value, source.bytes(), stream);
    }
    cudaError_t consume(cudaStream_t stream) {
        return cudaMemcpyAsync(target.data(), source.data(), source.bytes(), cudaMemcpyDeviceToDevice, stream);
    }

    DeviceBuffer source{256};
    DeviceBuffer target{256};
};

TEST_F(Streams, DoTheirWorkLater) {
    const Stream stream;
    ASSERT_EQ(produce(1, stream), cudaSuccess);
    EXPECT_EQ(source.at(0), 0);
    EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(source.at(0), 1);
    EXPECT_EQ(cudaStreamQuery(stream), cudaSuccess);
}

TEST_F(Streams, DoTheirWorkInOrder) {
    const Stream stream;
    for (int value = 1; value <= 100; ++value) {
        ASSERT_EQ(produce(value, stream), cudaSuccess);
        ASSERT_EQ(consume(stream), cudaSuccess);
    }
    ASSERT_EQ(produce(200, stream), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(target.at(0), 100);
    EXPECT_EQ(source.at(0), 200);
}

TEST_F(Streams, DoTheirWorkWithoutBeingAskedAfterTheDelay) {
    set("FASTIO_EMU_DELAY_US", "1", "100");
    const Stream stream;
    ASSERT_EQ(produce(1, stream), cudaSuccess);
    while (cudaStreamQuery(stream) == cudaErrorNotReady) {
        std::this_thread::yield();
    }
    EXPECT_EQ(source.at(0), 1);
}

TEST_F(Streams, TakeMoreWorkThanTheyHold) {
    set("FASTIO_EMU_DELAY_US", "0", "100");
    const Stream stream;
    for (int i = 0; i < 10'000; ++i) {
        ASSERT_EQ(produce(i % 256, stream), cudaSuccess);
    }
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(source.at(0), 9'999 % 256);
}

TEST_F(Streams, WithoutOrderReadStaleData) {
    const Stream producer;
    const Stream consumer;
    ASSERT_EQ(produce(1, producer), cudaSuccess);
    ASSERT_EQ(consume(consumer), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(consumer), cudaSuccess);
    EXPECT_EQ(target.at(0), 0);
}

TEST_F(Streams, ThatWereDestroyedAreWaitedForWithTheirDevice) {
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    constexpr std::uint64_t kSteps = 20;  // of a millisecond each
    const DeviceBuffer words(kSteps * sizeof(std::uint64_t));
    ASSERT_EQ(api.launch_pattern(stream, words.data(), words.bytes(), 5, kSteps), cudaSuccess);
    ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    const auto* const seen = static_cast<const std::uint64_t*>(api.host_alias(words.data()));
    EXPECT_EQ(seen[kSteps - 1], cudart_emulator::pattern_word(5, kSteps - 1));
}

TEST_F(Streams, OrderedByAnEventReadWhatWasMade) {
    const Stream producer;
    const Stream consumer;
    const Event made;
    ASSERT_EQ(produce(1, producer), cudaSuccess);
    ASSERT_EQ(cudaEventRecord(made, producer), cudaSuccess);
    ASSERT_EQ(cudaStreamWaitEvent(consumer, made, 0), cudaSuccess);
    ASSERT_EQ(consume(consumer), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(consumer), cudaSuccess);
    EXPECT_EQ(target.at(0), 1);
}

TEST_F(Streams, OrderedByAnEventDoNotWaitForWhatCameAfterIt) {
    const Stream producer;
    const Stream consumer;
    const Event made;
    ASSERT_EQ(produce(1, producer), cudaSuccess);
    ASSERT_EQ(cudaEventRecord(made, producer), cudaSuccess);
    ASSERT_EQ(produce(2, producer), cudaSuccess);
    ASSERT_EQ(cudaStreamWaitEvent(consumer, made, 0), cudaSuccess);
    ASSERT_EQ(consume(consumer), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(consumer), cudaSuccess);
    EXPECT_EQ(target.at(0), 1);
}

TEST_F(Streams, ThatBlockAreOrderedByTheLegacyStream) {
    const Stream first(cudaStreamDefault);
    const Stream second(cudaStreamDefault);
    ASSERT_EQ(produce(1, first), cudaSuccess);
    ASSERT_EQ(cudaMemsetAsync(target.data(), 9, 1, nullptr), cudaSuccess);
    ASSERT_EQ(consume(second), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(second), cudaSuccess);
    EXPECT_EQ(target.at(0), 1) << "behind the legacy stream, which is behind the first";
}

TEST_F(Streams, ThatDoNotBlockAreNotOrderedByTheLegacyStream) {
    const Stream free_running;
    ASSERT_EQ(produce(1, nullptr), cudaSuccess);
    ASSERT_EQ(consume(free_running), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(free_running), cudaSuccess);
    EXPECT_EQ(target.at(0), 0);
}

TEST_F(Streams, PerThreadBlockAndDifferBetweenThreads) {
    ASSERT_EQ(produce(1, cudaStreamPerThread), cudaSuccess);
    std::thread([&] {
        EXPECT_EQ(cudaStreamQuery(cudaStreamPerThread), cudaSuccess);
        EXPECT_EQ(consume(cudaStreamPerThread), cudaSuccess);
        EXPECT_EQ(cudaStreamSynchronize(cudaStreamPerThread), cudaSuccess);
    }).join();
    EXPECT_EQ(target.at(0), 0);
    ASSERT_EQ(consume(cudaStreamLegacy), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(cudaStreamLegacy), cudaSuccess);
    EXPECT_EQ(target.at(0), 1);
}

TEST_F(Streams, AreAllWaitedForByTheDevice) {
    const Stream first;
    const Stream second(cudaStreamDefault);
    ASSERT_EQ(produce(1, first), cudaSuccess);
    ASSERT_EQ(cudaMemsetAsync(target.data(), 2, 1, second), cudaSuccess);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(source.at(0), 1);
    EXPECT_EQ(target.at(0), 2);
}

TEST_F(Streams, FinishTheirWorkAfterTheyWereDestroyed) {
    const Event done;
    {
        const Stream stream;
        ASSERT_EQ(produce(1, stream), cudaSuccess);
        ASSERT_EQ(cudaEventRecord(done, stream), cudaSuccess);
    }
    EXPECT_EQ(cudaEventQuery(done), cudaErrorNotReady);
    ASSERT_EQ(cudaEventSynchronize(done), cudaSuccess);
    EXPECT_EQ(source.at(0), 1);
}

TEST_F(Streams, ThatAreNoneAreRefused) {
    cudaStream_t destroyed = nullptr;
    ASSERT_EQ(cudaStreamCreate(&destroyed), cudaSuccess);
    ASSERT_EQ(cudaStreamDestroy(destroyed), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(destroyed), cudaErrorInvalidResourceHandle);
    EXPECT_EQ(cudaStreamDestroy(nullptr), cudaErrorInvalidResourceHandle);
    EXPECT_EQ(cudaStreamCreateWithFlags(&destroyed, 0x40), cudaErrorInvalidValue);
}

TEST_F(Streams, RunHostFunctionsInOrder) {
    const Stream stream;
    std::vector<int> seen;
    ASSERT_EQ(produce(1, stream), cudaSuccess);
    struct Look {
        std::vector<int>* seen;
        const DeviceBuffer* buffer;
    } look{&seen, &source};
    const auto record = [](void* argument) {
        const auto& asked = *static_cast<Look*>(argument);
        asked.seen->push_back(asked.buffer->at(0));
    };
    ASSERT_EQ(cudaLaunchHostFunc(stream, record, &look), cudaSuccess);
    ASSERT_EQ(produce(2, stream), cudaSuccess);
    ASSERT_EQ(api.launch(stream, record, &look), cudaSuccess);
    EXPECT_TRUE(seen.empty());
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(seen, (std::vector<int>{1, 2}));
}

TEST_F(Streams, GoOnWhileAHostFunctionOfAnotherBlocks) {
    const Stream blocked;
    const Stream other;
    std::atomic<bool> go{false};
    const auto wait = [](void* argument) { static_cast<std::atomic<bool>*>(argument)->wait(false); };
    ASSERT_EQ(api.launch(blocked, wait, &go), cudaSuccess);
    ASSERT_EQ(produce(1, other), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(other), cudaSuccess);
    EXPECT_EQ(source.at(0), 1);
    EXPECT_EQ(cudaStreamQuery(blocked), cudaErrorNotReady);
    go = true;
    go.notify_all();
    EXPECT_EQ(cudaStreamSynchronize(blocked), cudaSuccess);
}

TEST_F(Streams, RefuseCallsFromHostFunctions) {
    const Stream stream;
    cudaError_t code = cudaSuccess;
    ASSERT_EQ(cudaLaunchHostFunc(
                  stream, [](void* argument) { *static_cast<cudaError_t*>(argument) = cudaFree(nullptr); }, &code),
              cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(code, cudaErrorNotPermitted);
}

TEST_F(Streams, RunLongKernelsInSteps) {
    const DeviceBuffer buffer(64 * 1024);
    buffer.fill(0);
    const Stream stream;
    set("FASTIO_EMU_STEP_US", "1", "1000");
    ASSERT_EQ(api.launch_pattern(stream, buffer.data(), buffer.bytes(), 5, 16), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    const auto* const words = static_cast<const std::uint64_t*>(api.host_alias(buffer.data()));
    for (std::size_t i = 0; i < buffer.bytes() / sizeof(std::uint64_t); ++i) {
        ASSERT_EQ(words[i], cudart_emulator::pattern_word(5, i)) << i;
    }
}

TEST_F(Streams, KnowWhatTheyAre) {
    ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
    const Stream stream;
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
    unsigned flags = 0;
    int device = -1;
    unsigned long long id = 0;
    unsigned long long legacy = 0;
    EXPECT_EQ(cudaStreamGetFlags(stream, &flags), cudaSuccess);
    EXPECT_EQ(flags, cudaStreamNonBlocking);
    EXPECT_EQ(cudaStreamGetDevice(stream, &device), cudaSuccess);
    EXPECT_EQ(device, 1);
    EXPECT_EQ(cudaStreamGetId(stream, &id), cudaSuccess);
    EXPECT_EQ(cudaStreamGetId(nullptr, &legacy), cudaSuccess);
    EXPECT_NE(id, legacy);
}

}  // namespace
}  // namespace fastio::test
