// Stream memory operations on words of pinned host memory, and between processes.
#include <sys/mman.h>

#include <atomic>

#include "device/memfd.hpp"
#include "fixture.hpp"

namespace fastio::test {
namespace {

constexpr std::size_t kPage = 4096;
using Operation64 = CUresult (*)(CUstream, CUdeviceptr, cuuint64_t, unsigned);
using Operation32 = CUresult (*)(CUstream, CUdeviceptr, cuuint32_t, unsigned);

class Words : public EmulatorTest {
protected:
    Words() {
        void* const mapped = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
        words = static_cast<std::atomic<std::uint64_t>*>(mapped);
        EXPECT_EQ(cudaHostRegister(mapped, kPage, cudaHostRegisterMapped), cudaSuccess);
    }
    ~Words() override {
        EXPECT_EQ(cudaHostUnregister(words), cudaSuccess);
        ::munmap(words, kPage);
    }
    [[nodiscard]] CUdeviceptr word(std::size_t index) const { return reinterpret_cast<CUdeviceptr>(words + index); }
    [[nodiscard]] static bool is_pending(cudaStream_t stream) {
        // Often enough that an engine that should not go on would have gone on.
        for (int i = 0; i < 100; ++i) {
            if (cudaStreamQuery(stream) != cudaErrorNotReady) {
                return false;
            }
        }
        return true;
    }

    Descriptor file = make_memfd("words", kPage);
    std::atomic<std::uint64_t>* words = nullptr;
    Operation64 write = driver_function<Operation64>("cuStreamWriteValue64");
    Operation64 wait = driver_function<Operation64>("cuStreamWaitValue64");
};

TEST_F(Words, AreWrittenBehindTheWorkOfTheStream) {
    set("FASTIO_EMU_DELAY_US", "60000000", "100");
    const DeviceBuffer buffer(16);
    buffer.fill(0);
    const Stream stream;
    ASSERT_EQ(cudaMemsetAsync(buffer.data(), 1, 16, stream), cudaSuccess);
    ASSERT_EQ(write(stream, word(0), 7, 0), CUDA_SUCCESS);
    EXPECT_EQ(words[0], 0U);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(words[0], 7U);
}

TEST_F(Words, HoldAStreamUntilTheHostWritesThem) {
    const Stream stream;
    ASSERT_EQ(wait(stream, word(0), 7, CU_STREAM_WAIT_VALUE_GEQ), CUDA_SUCCESS);
    EXPECT_TRUE(is_pending(stream));
    words[0] = 6;
    EXPECT_TRUE(is_pending(stream));
    words[0] = 7;
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
}

TEST_F(Words, CompareCyclically) {
    const Stream stream;
    words[0] = ~std::uint64_t{0};
    ASSERT_EQ(wait(stream, word(0), 7, CU_STREAM_WAIT_VALUE_GEQ), CUDA_SUCCESS);
    EXPECT_TRUE(is_pending(stream)) << "all ones is -1, which is less than 7";
    words[0] = 8;
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
}

TEST_F(Words, CompareInOtherWays) {
    const Stream stream;
    words[0] = 9;
    ASSERT_EQ(wait(stream, word(0), 8, CU_STREAM_WAIT_VALUE_EQ), CUDA_SUCCESS);
    EXPECT_TRUE(is_pending(stream));
    words[0] = 8;
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    ASSERT_EQ(wait(stream, word(0), 7, CU_STREAM_WAIT_VALUE_AND), CUDA_SUCCESS);
    EXPECT_TRUE(is_pending(stream));
    words[0] = 1;
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    words[0] = ~std::uint64_t{1};
    ASSERT_EQ(wait(stream, word(0), 1, CU_STREAM_WAIT_VALUE_NOR), CUDA_SUCCESS);
    EXPECT_TRUE(is_pending(stream));
    words[0] = 0;
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
}

TEST_F(Words, OfHalfTheSizeLeaveTheirNeighbourAlone) {
    const auto write_half = driver_function<Operation32>("cuStreamWriteValue32");
    const auto wait_half = driver_function<Operation32>("cuStreamWaitValue32");
    words[0] = ~std::uint64_t{0};
    const Stream stream;
    ASSERT_EQ(write_half(stream, word(0), 5, 0), CUDA_SUCCESS);
    ASSERT_EQ(wait_half(stream, word(0), 5, CU_STREAM_WAIT_VALUE_EQ), CUDA_SUCCESS);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(words[0], 0xffff'ffff'0000'0005U);
}

TEST_F(Words, MustBePinnedAndAligned) {
    const Stream stream;
    alignas(8) static std::uint64_t unpinned = 0;
    EXPECT_EQ(write(stream, reinterpret_cast<CUdeviceptr>(&unpinned), 1, 0), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(wait(stream, reinterpret_cast<CUdeviceptr>(&unpinned), 1, 0), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(write(stream, word(0) + 4, 1, 0), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(write(stream, 0, 1, 0), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(wait(stream, word(0), 1, 4), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess) << "the driver's errors are not the runtime's";
}

TEST_F(Words, MayLieInDeviceMemory) {
    const DeviceBuffer buffer(16);
    buffer.fill(0);
    const Stream stream;
    ASSERT_EQ(write(stream, reinterpret_cast<CUdeviceptr>(buffer.data()), 5, 0), CUDA_SUCCESS);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(buffer.at(0), 5);
}

TEST_F(Words, AreNotSupportedWhereTheSwitchSaysSo) {
    set("FASTIO_EMU_STREAM_MEMORY_OPERATIONS", "0", "1");
    const Stream stream;
    EXPECT_EQ(write(stream, word(0), 1, 0), CUDA_ERROR_NOT_SUPPORTED);
    int supported = -1;
    const auto get = driver_function<CUresult (*)(int*, CUdevice_attribute, CUdevice)>("cuDeviceGetAttribute");
    EXPECT_EQ(get(&supported, CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS, 0), CUDA_SUCCESS);
    EXPECT_EQ(supported, 0);
}

TEST_F(Words, OrderProcesses) {
    Peer producer = Peer::with({{"FASTIO_EMU_DELAY_US", "60000000"}});
    const int files[] = {file.get()};
    ASSERT_EQ(producer.ask("map-words", files), "0");
    ASSERT_EQ(producer.code("malloc a 4096"), 0);
    ASSERT_EQ(producer.code("fill a 0 4096"), 0);
    void* data = nullptr;
    ASSERT_EQ(cudaIpcOpenMemHandle(&data, memory_handle(success(producer.ask("export a"))), 1), cudaSuccess);

    // The producer: a kernel, then the word.
    ASSERT_EQ(producer.code("pattern a 4096 3 4"), 0);
    ASSERT_EQ(producer.code("write-word 0 1"), 0);
    // The consumer: without the word it reads what was there before; behind the word, what the kernel wrote.
    const DeviceBuffer early(8);
    const DeviceBuffer late(8);
    const Stream hasty;
    const Stream ordered;
    ASSERT_EQ(cudaMemcpyAsync(early.data(), data, 8, cudaMemcpyDeviceToDevice, hasty), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(hasty), cudaSuccess);
    ASSERT_EQ(wait(ordered, word(0), 1, CU_STREAM_WAIT_VALUE_GEQ), CUDA_SUCCESS);
    ASSERT_EQ(cudaMemcpyAsync(late.data(), data, 8, cudaMemcpyDeviceToDevice, ordered), cudaSuccess);
    EXPECT_TRUE(is_pending(ordered));
    ASSERT_EQ(producer.code("synchronise-stream"), 0);
    ASSERT_EQ(cudaStreamSynchronize(ordered), cudaSuccess);
    const auto read = [](const DeviceBuffer& buffer) {
        std::uint64_t value = 0;
        EXPECT_EQ(cudaMemcpy(&value, buffer.data(), 8, cudaMemcpyDeviceToHost), cudaSuccess);
        return value;
    };
    EXPECT_EQ(read(early), 0U);
    EXPECT_EQ(read(late), cudart_emulator::pattern_word(3, 0));
    EXPECT_EQ(cudaIpcCloseMemHandle(data), cudaSuccess);
}

TEST_F(Words, OfADeadProducerAreCompletedByTheHost) {
    const Stream stream;
    {
        Peer producer = Peer::with({{"FASTIO_EMU_DELAY_US", "60000000"}});
        const int files[] = {file.get()};
        ASSERT_EQ(producer.ask("map-words", files), "0");
        ASSERT_EQ(producer.code("write-word 0 1"), 0);
        ASSERT_EQ(wait(stream, word(0), 1, CU_STREAM_WAIT_VALUE_GEQ), CUDA_SUCCESS);
        producer.process().kill();
    }
    EXPECT_TRUE(is_pending(stream));
    words[0] = 1;
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
}

}  // namespace
}  // namespace fastio::test
