// cudaIpcOpenMemHandle and cudaIpcCloseMemHandle: rules 13 to 33.
#include "fixture.hpp"

namespace fastio::test {
namespace {

class Import : public EmulatorTest {
protected:
    Import() { exporter.code("malloc a " + std::to_string(2 * kBlock)); }

    [[nodiscard]] cudaIpcMemHandle_t handle() { return memory_handle(success(exporter.ask("export a"))); }
    static cudaError_t open(void** data, const cudaIpcMemHandle_t& handle,
                            unsigned flags = cudaIpcMemLazyEnablePeerAccess) {
        return cudaIpcOpenMemHandle(data, handle, flags);
    }

    Peer exporter{};
};

TEST_F(Import, ShowsTheExportersMemory) {
    void* data = nullptr;
    ASSERT_EQ(exporter.code("fill a 65 4"), 0);
    ASSERT_EQ(open(&data, handle()), cudaSuccess);
    unsigned char byte = 0;
    EXPECT_EQ(cudaMemcpy(&byte, data, 1, cudaMemcpyDeviceToHost), cudaSuccess);
    EXPECT_EQ(byte, 65);
    ASSERT_EQ(cudaMemset(data, 66, 1), cudaSuccess);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(exporter.number("read a 0"), 66U);
    EXPECT_EQ(cudaIpcCloseMemHandle(data), cudaSuccess);
}

TEST_F(Import, HasAnAddressOfItsOwn) {
    void* data = nullptr;
    ASSERT_EQ(open(&data, handle()), cudaSuccess);
    EXPECT_NE(reinterpret_cast<std::uintptr_t>(data), exporter.number("address a"));
    EXPECT_EQ(cudaIpcCloseMemHandle(data), cudaSuccess);
}

TEST_F(Import, InTheExportersProcessGives201) {
    const DeviceBuffer buffer(kBlock);
    void* data = nullptr;
    EXPECT_EQ(open(&data, memory_handle(exported(buffer.data()))), cudaErrorDeviceUninitialized);
}

TEST_F(Import, OfAZeroOrGarbageHandleGives1) {
    void* data = nullptr;
    cudaIpcMemHandle_t garbage{};
    EXPECT_EQ(open(&data, garbage), cudaErrorInvalidValue);
    for (char& byte : garbage.reserved) {
        byte = 'x';
    }
    EXPECT_EQ(open(&data, garbage), cudaErrorInvalidValue);
    EXPECT_EQ(open(nullptr, handle()), cudaErrorInvalidValue);
}

TEST_F(Import, WithOtherFlagsGivesWhatTheSwitchSays) {
    void* data = nullptr;
    EXPECT_EQ(open(&data, handle(), 0), cudaErrorInvalidValue);
    set("FASTIO_EMU_OTHER_FLAGS", "801", "1");
    EXPECT_EQ(open(&data, handle(), 123), cudaErrorNotSupported);
}

TEST_F(Import, OnAnotherKernelGives400) {
    void* data = nullptr;
    set("FASTIO_EMU_OTHER_KERNEL", "1", "0");
    EXPECT_EQ(open(&data, handle()), cudaErrorInvalidResourceHandle);
}

TEST_F(Import, OpenedTwiceIsOnePointerThatIsClosedTwice) {
    void* first = nullptr;
    void* second = nullptr;
    const cudaIpcMemHandle_t one = handle();
    ASSERT_EQ(open(&first, one), cudaSuccess);
    ASSERT_EQ(open(&second, one), cudaSuccess);
    EXPECT_EQ(first, second);
    EXPECT_EQ(cudaIpcCloseMemHandle(first), cudaSuccess);
    unsigned char byte = 0;
    EXPECT_EQ(cudaMemcpy(&byte, first, 1, cudaMemcpyDeviceToHost), cudaSuccess);
    EXPECT_EQ(cudaIpcCloseMemHandle(first), cudaSuccess);
    EXPECT_EQ(cudaIpcCloseMemHandle(first), cudaErrorInvalidValue);
    EXPECT_NO_THROW(static_cast<void>(exporter.number("read a 0")));
}

TEST_F(Import, OnlyWhatWasOpenedCanBeClosed) {
    const DeviceBuffer own(kBlock);
    EXPECT_EQ(cudaIpcCloseMemHandle(nullptr), cudaErrorInvalidValue);
    EXPECT_EQ(cudaIpcCloseMemHandle(own.data()), cudaErrorInvalidValue);
}

TEST_F(Import, IsNotFreedNorExported) {
    void* data = nullptr;
    ASSERT_EQ(open(&data, handle()), cudaSuccess);
    cudaIpcMemHandle_t again{};
    EXPECT_EQ(cudaFree(data), cudaErrorInvalidValue);
    EXPECT_EQ(cudaIpcGetMemHandle(&again, data), cudaErrorInvalidValue);
    EXPECT_EQ(cudaIpcCloseMemHandle(data), cudaSuccess);
}

TEST_F(Import, AStaleHandleGives1) {
    const cudaIpcMemHandle_t stale = handle();
    ASSERT_EQ(exporter.code("free a"), 0);
    ASSERT_EQ(exporter.code("malloc a " + std::to_string(2 * kBlock)), 0);
    void* data = nullptr;
    EXPECT_EQ(open(&data, stale), cudaErrorInvalidValue);
}

TEST_F(Import, OfMemoryWhereAFreedOneIsStillOpenMayGive208) {
    void* stale = nullptr;
    void* fresh = nullptr;
    ASSERT_EQ(open(&stale, handle()), cudaSuccess);
    ASSERT_EQ(exporter.code("free a"), 0);
    ASSERT_EQ(exporter.code("malloc a " + std::to_string(2 * kBlock)), 0);
    set("FASTIO_EMU_ALREADY_MAPPED", "1", "0");
    EXPECT_EQ(open(&fresh, handle()), cudaErrorAlreadyMapped);
    EXPECT_EQ(cudaIpcCloseMemHandle(stale), cudaSuccess);
    EXPECT_EQ(open(&fresh, handle()), cudaSuccess);
    EXPECT_EQ(cudaIpcCloseMemHandle(fresh), cudaSuccess);
}

TEST_F(Import, OfSmallAllocationsReachesTheirNeighbours) {
    ASSERT_EQ(exporter.code("malloc secret 512"), 0);
    ASSERT_EQ(exporter.code("malloc public 512"), 0);
    ASSERT_EQ(exporter.code("fill secret 83 512"), 0);
    const auto distance =
        static_cast<std::ptrdiff_t>(exporter.number("address secret") - exporter.number("address public"));
    void* data = nullptr;
    ASSERT_EQ(open(&data, memory_handle(success(exporter.ask("export public")))), cudaSuccess);
    unsigned char byte = 0;
    EXPECT_EQ(cudaMemcpy(&byte, static_cast<char*>(data) + distance, 1, cudaMemcpyDeviceToHost), cudaSuccess);
    EXPECT_EQ(byte, 83);
    EXPECT_EQ(cudaIpcCloseMemHandle(data), cudaSuccess);
}

TEST_F(Import, OnAnotherGpuNeedsPeerAccess) {
    const cudaIpcMemHandle_t remote = handle();
    ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
    void* data = nullptr;
    set("FASTIO_EMU_P2P", "0", "1");
    EXPECT_EQ(open(&data, remote), cudaErrorPeerAccessUnsupported);
    ASSERT_EQ(api.set("FASTIO_EMU_P2P", "1"), 0);
    set("FASTIO_EMU_MAX_PEERS", "0", "8");
    EXPECT_EQ(open(&data, remote), cudaErrorTooManyPeers);
    ASSERT_EQ(api.set("FASTIO_EMU_MAX_PEERS", "8"), 0);
    EXPECT_EQ(open(&data, remote), cudaSuccess);
    EXPECT_EQ(cudaIpcCloseMemHandle(data), cudaSuccess);
}

TEST_F(Import, OfAGpuThatThisProcessDoesNotSeeWorks) {
    ASSERT_EQ(exporter.code("device 1"), 0);
    ASSERT_EQ(exporter.code("malloc far " + std::to_string(kBlock)), 0);
    Peer importer = Peer::with({{"CUDA_VISIBLE_DEVICES", "0"}});
    EXPECT_EQ(importer.number("count"), 1U);
    EXPECT_EQ(importer.code("open b " + success(exporter.ask("export far"))), 0);
    EXPECT_EQ(importer.code("close b"), 0);
}

TEST_F(Import, IsCountedInEachProcessByItself) {
    Peer second;
    Peer third;
    const std::string text = success(exporter.ask("export a"));
    ASSERT_EQ(second.code("open b " + text), 0);
    ASSERT_EQ(third.code("open b " + text), 0);
    ASSERT_EQ(second.code("close b"), 0);
    ASSERT_EQ(exporter.code("fill a 7 8"), 0);
    EXPECT_EQ(third.number("read b 7"), 7U);
    EXPECT_EQ(third.code("close b"), 0);
}

TEST_F(Import, ClosingUnderQueuedWorkIsToldWhereAsked) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            api.set("FASTIO_EMU_STRICT_CLOSE", "1");
            api.set("FASTIO_EMU_DELAY_US", "60000000");
            void* data = nullptr;
            open(&data, handle());
            cudaMemset(data, 1, 1);
            cudaIpcCloseMemHandle(data);
        },
        "while streams have work");
}

TEST_F(Import, FreeingWhatALivingProcessHasOpenIsToldWhereAsked) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            api.set("FASTIO_EMU_STRICT_FREE", "1");
            void* data[3] = {};
            for (void*& each : data) {
                cudaMalloc(&each, kBlock);
            }
            Peer closing;
            closing.code("open b " + exported(data[0]));
            closing.code("close b");
            cudaFree(data[0]);
            Peer dying;
            dying.code("open b " + exported(data[1]));
            dying.process().kill();
            cudaFree(data[1]);
            std::fprintf(stderr, "so far nobody has any open\n");
            closing.code("open b " + exported(data[2]));
            cudaFree(data[2]);
        },
        "so far nobody has any open\n.*which process [0-9]+ has open");
}

}  // namespace
}  // namespace fastio::test
