// Which calls a capturing stream forbids.
#include "fixture.hpp"

namespace fastio::test {
namespace {

class CaptureTest : public EmulatorTest {
protected:
    [[nodiscard]] static cudaStreamCaptureStatus status_of(cudaStream_t stream) {
        cudaStreamCaptureStatus status{};
        EXPECT_EQ(cudaStreamIsCapturing(stream, &status), cudaSuccess);
        return status;
    }
    [[nodiscard]] static cudaError_t end(cudaStream_t stream) {
        cudaGraph_t graph = nullptr;
        const cudaError_t code = cudaStreamEndCapture(stream, &graph);
        if (graph != nullptr) {
            EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
        }
        return code;
    }

    Stream stream{};
};

TEST_F(CaptureTest, RecordsAndDoesNothing) {
    const DeviceBuffer buffer(16);
    buffer.fill(0);
    EXPECT_EQ(status_of(stream), cudaStreamCaptureStatusNone);
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_EQ(status_of(stream), cudaStreamCaptureStatusActive);
    EXPECT_EQ(cudaMemsetAsync(buffer.data(), 1, 16, stream), cudaSuccess);
    EXPECT_EQ(end(stream), cudaSuccess);
    EXPECT_EQ(status_of(stream), cudaStreamCaptureStatusNone);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(buffer.at(0), 0);
}

TEST_F(CaptureTest, IsSpoiltBySynchronising) {
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
    EXPECT_EQ(status_of(stream), cudaStreamCaptureStatusInvalidated);
    EXPECT_EQ(cudaMemsetAsync(nullptr, 0, 0, stream), cudaSuccess);
    EXPECT_EQ(end(stream), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(end(stream), cudaErrorIllegalState);
}

TEST_F(CaptureTest, ForbidsUnsafeCallsUnlessRelaxed) {
    void* data = nullptr;
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_EQ(cudaMalloc(&data, 16), cudaErrorStreamCaptureUnsupported);
    EXPECT_EQ(end(stream), cudaErrorStreamCaptureInvalidated);
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), cudaSuccess);
    EXPECT_EQ(cudaMalloc(&data, 16), cudaSuccess);
    EXPECT_EQ(end(stream), cudaSuccess);
    EXPECT_EQ(cudaFree(data), cudaSuccess);
    cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
    ASSERT_EQ(cudaThreadExchangeStreamCaptureMode(&mode), cudaSuccess);
    EXPECT_EQ(mode, cudaStreamCaptureModeGlobal);
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_EQ(cudaMalloc(&data, 16), cudaSuccess);
    EXPECT_EQ(end(stream), cudaSuccess);
    EXPECT_EQ(cudaFree(data), cudaSuccess);
    ASSERT_EQ(cudaThreadExchangeStreamCaptureMode(&mode), cudaSuccess);
}

TEST_F(CaptureTest, OfABlockingStreamForbidsTheLegacyStream) {
    const DeviceBuffer buffer(16);
    const Stream blocking(cudaStreamDefault);
    ASSERT_EQ(cudaStreamBeginCapture(blocking, cudaStreamCaptureModeRelaxed), cudaSuccess);
    cudaStreamCaptureStatus status{};
    EXPECT_EQ(cudaStreamIsCapturing(cudaStreamLegacy, &status), cudaErrorStreamCaptureImplicit);
    EXPECT_EQ(status_of(blocking), cudaStreamCaptureStatusActive) << "asking spoils nothing";
    EXPECT_EQ(cudaMemset(buffer.data(), 0, 16), cudaErrorStreamCaptureImplicit);
    EXPECT_EQ(end(blocking), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(cudaStreamBeginCapture(cudaStreamLegacy, cudaStreamCaptureModeRelaxed),
              cudaErrorStreamCaptureUnsupported);
}

TEST_F(CaptureTest, IsJoinedThroughAnEvent) {
    const Stream other;
    const Event fork;
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), cudaSuccess);
    ASSERT_EQ(cudaEventRecord(fork, stream), cudaSuccess);
    EXPECT_EQ(cudaEventQuery(fork), cudaErrorCapturedEvent);
    ASSERT_EQ(cudaStreamWaitEvent(other, fork, 0), cudaSuccess);
    EXPECT_EQ(status_of(other), cudaStreamCaptureStatusActive);
    EXPECT_EQ(end(other), cudaErrorStreamCaptureUnmatched);
    EXPECT_EQ(end(stream), cudaSuccess);
    EXPECT_EQ(status_of(other), cudaStreamCaptureStatusNone);
}

TEST_F(CaptureTest, ForbidsWaitingForTheDevice) {
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorStreamCaptureUnsupported);
    EXPECT_EQ(end(stream), cudaErrorStreamCaptureInvalidated);
}

}  // namespace
}  // namespace fastio::test
