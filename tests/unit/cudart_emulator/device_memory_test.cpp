#include <csignal>

#include "fixture.hpp"

namespace fastio::test {
namespace {

class DeviceMemoryTest : public EmulatorTest {
protected:
    [[nodiscard]] static std::size_t free_bytes() {
        std::size_t free = 0;
        std::size_t total = 0;
        EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
        return free;
    }
};

TEST_F(DeviceMemoryTest, IsCountedInBlocks) {
    const std::size_t before = free_bytes();
    {
        const DeviceBuffer buffer(kBlock + 1);
        EXPECT_EQ(free_bytes(), before - 2 * kBlock);
    }
    EXPECT_EQ(free_bytes(), before);
}

TEST_F(DeviceMemoryTest, SmallAllocationsShareABlock) {
    const DeviceBuffer first(1000);
    const std::size_t before = free_bytes();
    const DeviceBuffer second(1000);
    EXPECT_EQ(free_bytes(), before);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.data()) / kBlock,
              reinterpret_cast<std::uintptr_t>(second.data()) / kBlock);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second.data()) % 256, 0U);
}

TEST_F(DeviceMemoryTest, FreshMemoryIsNotCleared) {
    const DeviceBuffer buffer(kBlock);
    EXPECT_NE(buffer.at(0), 0);
    EXPECT_NE(buffer.at(kBlock - 1), 0);
}

TEST_F(DeviceMemoryTest, UsedMemoryStillHasTheContentsOfADeadProcess) {
    Peer tenant;
    ASSERT_EQ(tenant.code("malloc a " + std::to_string(16 * kBlock)), 0);
    ASSERT_EQ(tenant.code("fill a 83 " + std::to_string(16 * kBlock)), 0);
    tenant.process().kill();
    const DeviceBuffer buffer(16 * kBlock);
    EXPECT_EQ(buffer.at(0), 83);
}

TEST_F(DeviceMemoryTest, RunsOut) {
    std::size_t free = 0;
    std::size_t total = 0;
    ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
    void* data = nullptr;
    EXPECT_EQ(cudaMalloc(&data, total + 1), cudaErrorMemoryAllocation);
    EXPECT_EQ(cudaMalloc(&data, free + kBlock), cudaErrorMemoryAllocation);
    EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
}

TEST_F(DeviceMemoryTest, RunsOutWhereTheSwitchSaysSo) {
    set("FASTIO_EMU_OUT_OF_MEMORY_AFTER", std::to_string(3 * kBlock), "1000000000000");
    const DeviceBuffer first(2 * kBlock);
    void* data = nullptr;
    EXPECT_EQ(cudaMalloc(&data, 2 * kBlock), cudaErrorMemoryAllocation);
    const DeviceBuffer second(kBlock);
}

TEST_F(DeviceMemoryTest, ScatteredFreeBlocksAreStillMemory) {
    Peer peer = Peer::with({{"FASTIO_EMU_DIRTY", "0"}});
    ASSERT_EQ(peer.code("device 1"), 0);
    const unsigned long long all = peer.number("memory");
    ASSERT_EQ(peer.code("malloc a " + std::to_string(all / 4)), 0);
    ASSERT_EQ(peer.code("malloc b " + std::to_string(all / 4)), 0);
    ASSERT_EQ(peer.code("malloc c " + std::to_string(all / 4)), 0);
    ASSERT_EQ(peer.code("malloc d " + std::to_string(all / 4)), 0);
    ASSERT_EQ(peer.code("free a"), 0);
    ASSERT_EQ(peer.code("free c"), 0);
    EXPECT_EQ(peer.code("malloc e " + std::to_string(all / 2)), 0);
    EXPECT_EQ(peer.number("memory"), 0U);
}

TEST_F(DeviceMemoryTest, CannotBeFollowedByTheHost) {
    Peer peer;
    ASSERT_EQ(peer.code("malloc a 4096"), 0);
    peer.say("touch a");
    const ExitStatus status = peer.process().wait();
    // A sanitizer turns the signal into an exit with its own report.
    EXPECT_TRUE(status.signal == SIGSEGV || status.code > 0) << to_string(status);
}

TEST_F(DeviceMemoryTest, IsFreedOnceByItsStart) {
    void* data = nullptr;
    ASSERT_EQ(cudaMalloc(&data, kBlock), cudaSuccess);
    EXPECT_EQ(cudaFree(static_cast<char*>(data) + 512), cudaErrorInvalidValue);
    EXPECT_EQ(cudaFree(data), cudaSuccess);
    EXPECT_EQ(cudaFree(data), cudaErrorInvalidValue);
    EXPECT_EQ(cudaFree(nullptr), cudaSuccess);
}

TEST_F(DeviceMemoryTest, OfNoBytesIsANullPointer) {
    void* data = &data;
    EXPECT_EQ(cudaMalloc(&data, 0), cudaSuccess);
    EXPECT_EQ(data, nullptr);
    EXPECT_EQ(cudaMalloc(nullptr, 1), cudaErrorInvalidValue);
}

TEST_F(DeviceMemoryTest, OfAPoolIsFreedInStreamOrder) {
    set("FASTIO_EMU_DELAY_US", "60000000", "100");
    const Stream stream;
    const std::size_t before = free_bytes();
    void* data = nullptr;
    ASSERT_EQ(cudaMallocAsync(&data, kBlock, stream), cudaSuccess);
    ASSERT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
    EXPECT_LT(free_bytes(), before);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(free_bytes(), before);
}

TEST_F(DeviceMemoryTest, GoesWithAReset) {
    const std::size_t before = free_bytes();
    void* data = nullptr;
    ASSERT_EQ(cudaMalloc(&data, kBlock), cudaSuccess);
    ASSERT_EQ(cudaDeviceReset(), cudaSuccess);
    EXPECT_EQ(free_bytes(), before);
    EXPECT_EQ(cudaFree(data), cudaErrorInvalidValue);
}

TEST_F(DeviceMemoryTest, IsToldFromHostMemory) {
    const DeviceBuffer buffer(kBlock);
    void* pinned = nullptr;
    ASSERT_EQ(cudaMallocHost(&pinned, 100), cudaSuccess);
    cudaPointerAttributes attributes{};
    ASSERT_EQ(cudaPointerGetAttributes(&attributes, buffer.data() + 100), cudaSuccess);
    EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
    EXPECT_EQ(attributes.device, 0);
    EXPECT_EQ(attributes.hostPointer, nullptr);
    ASSERT_EQ(cudaPointerGetAttributes(&attributes, pinned), cudaSuccess);
    EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
    ASSERT_EQ(cudaPointerGetAttributes(&attributes, &attributes), cudaSuccess);
    EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
    EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

}  // namespace
}  // namespace fastio::test
