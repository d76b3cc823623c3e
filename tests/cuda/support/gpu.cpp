#include "cuda/support/gpu.hpp"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace fastio::test {

void check_cuda(cudaError_t code, const char* attempt) {
    if (code != cudaSuccess) {
        static_cast<void>(cudaGetLastError());
        throw std::runtime_error(std::string(attempt) + ": " + cudaGetErrorName(code));
    }
}

void GpuTest::SetUp() {
    const std::string reason = why_no_kernels();
    if (reason.empty()) {
        return;
    }
    const char* const required = std::getenv("FASTIO_REQUIRE_GPU");
    if (required != nullptr && std::strcmp(required, "ON") == 0) {
        FAIL() << "FASTIO_REQUIRE_GPU is ON, and " << reason;
    }
    GTEST_SKIP() << reason;
}

DeviceBuffer::DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
    void* data = nullptr;
    check_cuda(cudaMalloc(&data, bytes > 0 ? bytes : 1), "cudaMalloc");
    data_ = static_cast<unsigned char*>(data);
}

DeviceBuffer::DeviceBuffer(const std::vector<unsigned char>& contents) : DeviceBuffer(contents.size()) {
    check_cuda(cudaMemcpy(data_, contents.data(), bytes_, cudaMemcpyHostToDevice), "cudaMemcpy to the device");
    // Pageable memory may still be on its way when cudaMemcpy returns, and other streams do not wait for it.
    check_cuda(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
}

DeviceBuffer::~DeviceBuffer() {
    static_cast<void>(cudaFree(data_));
}

std::vector<unsigned char> DeviceBuffer::contents() const {
    check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    std::vector<unsigned char> bytes(bytes_);
    check_cuda(cudaMemcpy(bytes.data(), data_, bytes_, cudaMemcpyDeviceToHost), "cudaMemcpy from the device");
    return bytes;
}

TestStream::TestStream() {
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
}

TestStream::~TestStream() {
    static_cast<void>(cudaStreamDestroy(stream_));
}

}  // namespace fastio::test
