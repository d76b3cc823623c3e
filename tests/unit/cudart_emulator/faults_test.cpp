// What tests can make go wrong.
#include <csignal>
#include <cstdlib>
#include <thread>

#include "fixture.hpp"

namespace fastio::test {
namespace {

class FaultsTest : public EmulatorTest {
protected:
    [[nodiscard]] static cudaError_t allocate() {
        void* data = nullptr;
        const cudaError_t code = cudaMalloc(&data, 16);
        cudaFree(data);
        return code;
    }
    [[noreturn]] void break_while_functions_begin() {
        set("FASTIO_EMU_DELAY_US", "0", "100");
        for (int i = 0; i < 16; ++i) {
            cudaStream_t stream = nullptr;
            cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
            api.launch(
                stream, [](void*) {}, nullptr);
        }
        api.break_device(0, cudaErrorIllegalAddress);
        // Threads that nothing waits for run those that were begun by then; the rest never run.
        for (int looks = 0; looks < 10'000; ++looks) {
            std::this_thread::yield();
        }
        std::_Exit(0);
    }
};

TEST_F(FaultsTest, FailOneCall) {
    api.fail_call("cudaMalloc", cudaErrorMemoryAllocation, 2, 0);
    EXPECT_EQ(allocate(), cudaSuccess);
    EXPECT_EQ(allocate(), cudaErrorMemoryAllocation);
    EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
    EXPECT_EQ(allocate(), cudaSuccess);
}

TEST_F(FaultsTest, MeetTheFunctionThatIsCalledAndNotOneThatDoesTheSame) {
    cudaStream_t stream = nullptr;
    api.fail_call("cudaStreamCreateWithFlags", cudaErrorMemoryAllocation, 1, 1);
    EXPECT_EQ(cudaStreamCreate(&stream), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaErrorMemoryAllocation);
}

TEST_F(FaultsTest, MeetFunctionsThatNeedNoDriver) {
    int version = 0;
    const std::map<const char*, cudaError_t (*)(int*)> functions{{"cudaDriverGetVersion", cudaDriverGetVersion},
                                                                 {"cudaRuntimeGetVersion", cudaRuntimeGetVersion}};
    for (const auto& [name, ask] : functions) {
        api.fail_call(name, cudaErrorMemoryAllocation, 1, 0);
        EXPECT_EQ(ask(&version), cudaErrorMemoryAllocation) << name;
        EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation) << name;
        EXPECT_EQ(ask(&version), cudaSuccess) << name;
    }
}

TEST_F(FaultsTest, AreSetByTheEnvironmentToo) {
    Peer peer = Peer::with({{"FASTIO_EMU_FAIL", "cudaFree:46:1,cudaMalloc:2:2:forever"}});
    EXPECT_EQ(peer.code("malloc a 16"), 0);
    EXPECT_EQ(peer.code("malloc b 16"), cudaErrorMemoryAllocation);
    EXPECT_EQ(peer.code("malloc c 16"), cudaErrorMemoryAllocation);
    EXPECT_EQ(peer.code("free a"), cudaErrorDevicesUnavailable);
    EXPECT_EQ(peer.code("free a"), 0);
}

TEST_F(FaultsTest, MayMeetWhateverIsCalled) {
    Peer peer = Peer::with({{"FASTIO_EMU_FAIL", "*:4:1:forever"}});
    EXPECT_EQ(peer.code("malloc a 16"), cudaErrorCudartUnloading);
    EXPECT_EQ(peer.code("count"), cudaErrorCudartUnloading);
}

TEST_F(FaultsTest, MayBreakTheDeviceAtACall) {
    Peer peer = Peer::with({{"FASTIO_EMU_FAIL", "cudaMalloc:700:2:breaks"}});
    EXPECT_EQ(peer.code("malloc a 16"), 0);
    EXPECT_EQ(peer.code("malloc b 16"), cudaErrorIllegalAddress);
    EXPECT_EQ(peer.code("free a"), cudaErrorIllegalAddress);
}

TEST_F(FaultsTest, CountCalls) {
    const std::uint64_t before = api.calls("cudaMalloc");
    EXPECT_EQ(allocate(), cudaSuccess);
    EXPECT_EQ(api.calls("cudaMalloc"), before + 1);
}

TEST_F(FaultsTest, HoldCallsOfAnotherProcessAtAGate) {
    Peer peer;
    ASSERT_EQ(peer.code("count"), 0);
    api.close_gate("cudaMalloc");
    peer.say("malloc a 16");
    api.wait_at_gate("cudaMalloc", 1);
    EXPECT_EQ(cudaFree(nullptr), cudaSuccess) << "other calls go on";
    api.open_gate("cudaMalloc");
    EXPECT_EQ(peer.hear(), "0");
}

TEST_F(FaultsTest, BreakTheDeviceForGood) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            const DeviceBuffer buffer(16);
            cudaMemsetAsync(buffer.data(), 0, 16, nullptr);
            api.break_device(0, cudaErrorIllegalAddress);
            const bool all = cudaDeviceSynchronize() == cudaErrorIllegalAddress &&
                             cudaGetLastError() == cudaErrorIllegalAddress &&
                             cudaGetLastError() == cudaErrorIllegalAddress && allocate() == cudaErrorIllegalAddress;
            std::_Exit(all ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "");
}

TEST_F(FaultsTest, BreakOneDeviceAndNotTheOthers) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto codes = [this] {
        cudaSetDevice(1);
        cudaStream_t lost = nullptr;
        cudaStreamCreate(&lost);
        cudaEvent_t marked = nullptr;
        cudaEventCreate(&marked);
        cudaEventRecord(marked, lost);
        cudaSetDevice(0);
        api.break_device(1, cudaErrorIllegalAddress);
        const bool one_goes_on = allocate() == cudaSuccess && cudaDeviceSynchronize() == cudaSuccess;
        const bool stream_tells = cudaStreamSynchronize(lost) == cudaErrorIllegalAddress &&
                                  cudaMemsetAsync(nullptr, 0, 0, lost) == cudaErrorIllegalAddress &&
                                  cudaEventSynchronize(marked) == cudaErrorIllegalAddress;
        const bool device_tells = cudaSetDevice(1) == cudaErrorIllegalAddress && allocate() == cudaErrorIllegalAddress;
        int current = 0;
        const bool is_left = cudaGetDevice(&current) == cudaSuccess && current == 1 &&
                             cudaSetDevice(0) == cudaSuccess && allocate() == cudaSuccess;
        return one_goes_on && stream_tells && device_tells && is_left;
    };
    EXPECT_EXIT(std::_Exit(codes() ? 0 : 1), ::testing::ExitedWithCode(0), "");
}

TEST_F(FaultsTest, BreakTheDeviceWhileHostFunctionsBegin) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    constexpr int kTries = 20;  // each meets a thread between being told of its function and looking at it, or not
    for (int i = 0; i < kTries; ++i) {
        EXPECT_EXIT(break_while_functions_begin(), ::testing::ExitedWithCode(0), "");
    }
}

TEST_F(FaultsTest, StopProgramsThatCallWhatIsNotModelled) {
    Peer peer;
    peer.say("unmodelled");
    EXPECT_EQ(peer.process().wait().signal, SIGABRT);
}

TEST_F(FaultsTest, AreNotMistyped) {
    EXPECT_EQ(api.set("FASTIO_EMU_LATE", "1"), 1);
    EXPECT_EQ(api.set("FASTIO_EMU_P2P", "perhaps"), 1);
    Peer typo = Peer::with({{"FASTIO_EMU_LATE", "1"}});
    typo.say("count");
    EXPECT_EQ(typo.process().wait().signal, SIGABRT);
}

}  // namespace
}  // namespace fastio::test
