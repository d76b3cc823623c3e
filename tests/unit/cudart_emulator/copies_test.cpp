// cudaMemcpy and cudaMemset, and what they promise the host (rule 61).
#include <numeric>

#include "fixture.hpp"

namespace fastio::test {
namespace {

constexpr const char* kNever = "60000000";  // microseconds: not unless something synchronises

class Copies : public EmulatorTest {
protected:
    void delay_work() { set("FASTIO_EMU_DELAY_US", kNever, "100"); }
};

std::vector<unsigned char> numbers(std::size_t count) {
    std::vector<unsigned char> result(count);
    std::iota(result.begin(), result.end(), static_cast<unsigned char>(1));
    return result;
}

TEST_F(Copies, GoToTheDeviceAndBack) {
    const DeviceBuffer buffer(100);
    const std::vector<unsigned char> sent = numbers(100);
    std::vector<unsigned char> got(100);
    ASSERT_EQ(cudaMemcpy(buffer.data(), sent.data(), 100, cudaMemcpyHostToDevice), cudaSuccess);
    ASSERT_EQ(cudaMemcpy(got.data(), buffer.data(), 100, cudaMemcpyDefault), cudaSuccess);
    EXPECT_EQ(got, sent);
}

TEST_F(Copies, GoBetweenGpus) {
    const DeviceBuffer near(100);
    near.fill(5);
    ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
    const DeviceBuffer far(100);
    ASSERT_EQ(cudaMemcpyPeer(far.data(), 1, near.data(), 0, 100), cudaSuccess);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(far.at(99), 5);
}

TEST_F(Copies, InRowsLeaveTheRestOfEachRowAlone) {
    const DeviceBuffer buffer(4 * 32);
    buffer.fill(0);
    const std::vector<unsigned char> sent = numbers(4 * 10);
    ASSERT_EQ(cudaMemcpy2D(buffer.data(), 32, sent.data(), 10, 10, 4, cudaMemcpyHostToDevice), cudaSuccess);
    EXPECT_EQ(buffer.at(32 + 9), 20);
    EXPECT_EQ(buffer.at(32 + 10), 0);
    ASSERT_EQ(cudaMemset2D(buffer.data(), 32, 9, 10, 2), cudaSuccess);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(buffer.at(32 + 9), 9);
    EXPECT_EQ(buffer.at(32 + 10), 0);
    EXPECT_EQ(buffer.at(64), 21);
    EXPECT_EQ(cudaMemcpy2D(buffer.data(), 8, sent.data(), 10, 10, 4, cudaMemcpyHostToDevice),
              cudaErrorInvalidPitchValue);
}

TEST_F(Copies, AreRefusedWhereTheKindOrTheSizeIsWrong) {
    const DeviceBuffer buffer(100);
    std::vector<unsigned char> host(200);
    EXPECT_EQ(cudaMemcpy(buffer.data(), host.data(), 200, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    EXPECT_EQ(cudaMemcpy(buffer.data(), host.data(), 100, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
    EXPECT_EQ(cudaMemcpy(buffer.data(), host.data(), 100, cudaMemcpyDeviceToDevice), cudaErrorInvalidValue);
    EXPECT_EQ(cudaMemcpy(host.data(), buffer.data(), 100, cudaMemcpyHostToHost), cudaErrorInvalidValue);
    EXPECT_EQ(cudaMemset(host.data(), 0, 100), cudaErrorInvalidValue);
    EXPECT_EQ(cudaMemset(buffer.data() + 50, 0, 100), cudaErrorInvalidValue);
    EXPECT_EQ(cudaMemcpy(buffer.data(), host.data(), 0, cudaMemcpyHostToDevice), cudaSuccess);
}

TEST_F(Copies, WithinTheDeviceAndMemsetDoNotWait) {
    delay_work();
    const DeviceBuffer from(100);
    const DeviceBuffer to(100);
    from.fill(1);
    to.fill(0);
    ASSERT_EQ(cudaMemcpy(to.data(), from.data(), 100, cudaMemcpyDeviceToDevice), cudaSuccess);
    ASSERT_EQ(cudaMemset(from.data(), 2, 100), cudaSuccess);
    EXPECT_EQ(to.at(0), 0);
    EXPECT_EQ(from.at(0), 1);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(to.at(0), 1);
    EXPECT_EQ(from.at(0), 2);
}

TEST_F(Copies, FromPageableMemoryMayReturnBeforeTheDeviceHasThem) {
    delay_work();
    const DeviceBuffer buffer(100);
    buffer.fill(0);
    std::vector<unsigned char> host(100, 7);
    ASSERT_EQ(cudaMemcpy(buffer.data(), host.data(), 100, cudaMemcpyHostToDevice), cudaSuccess);
    EXPECT_EQ(buffer.at(0), 7) << "without the switch they wait";
    set("FASTIO_EMU_LATE_PAGEABLE_COPIES", "1", "0");
    host.assign(100, 8);
    ASSERT_EQ(cudaMemcpy(buffer.data(), host.data(), 100, cudaMemcpyHostToDevice), cudaSuccess);
    host.assign(100, 9);
    EXPECT_EQ(buffer.at(0), 7);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(buffer.at(0), 8) << "what the memory held at the call";
}

TEST_F(Copies, FromPinnedMemoryAreMadeWhenTheStreamComesToThem) {
    delay_work();
    const DeviceBuffer buffer(100);
    void* pinned = nullptr;
    ASSERT_EQ(cudaMallocHost(&pinned, 100), cudaSuccess);
    auto* const byte = static_cast<unsigned char*>(pinned);
    const Stream stream;
    *byte = 1;
    ASSERT_EQ(cudaMemcpyAsync(buffer.data(), pinned, 100, cudaMemcpyHostToDevice, stream), cudaSuccess);
    *byte = 2;
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(buffer.at(0), 2);
    ASSERT_EQ(cudaMemcpy(buffer.data(), pinned, 100, cudaMemcpyHostToDevice), cudaSuccess);
    EXPECT_EQ(buffer.at(0), 2) << "a synchronous copy of pinned memory waits";
    EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST_F(Copies, ToPageableMemoryAreDoneOnReturn) {
    delay_work();
    const DeviceBuffer buffer(100);
    buffer.fill(3);
    const Stream stream;
    std::vector<unsigned char> host(100);
    ASSERT_EQ(cudaMemcpyAsync(host.data(), buffer.data(), 100, cudaMemcpyDeviceToHost, stream), cudaSuccess);
    EXPECT_EQ(host[99], 3);
}

}  // namespace
}  // namespace fastio::test
