#pragma once

#include <gtest/gtest.h>

#include <cuda_runtime_api.h>

#include <cstddef>
#include <string>
#include <vector>

#include "cuda/support/gpu_present.hpp"

namespace fastio::test {

/// Throws std::runtime_error with the name of `code`, unless it is cudaSuccess.
void check_cuda(cudaError_t code, const char* attempt);

/// Tests of kernels: skipped, with the reason, where there is no GPU; failed there if $FASTIO_REQUIRE_GPU is ON.
class GpuTest : public ::testing::Test {
protected:
    void SetUp() override;
};

/// Memory of GPU 0.
class DeviceBuffer {
public:
    explicit DeviceBuffer(std::size_t bytes);
    explicit DeviceBuffer(const std::vector<unsigned char>& contents);
    DeviceBuffer(const DeviceBuffer&) = delete;
    DeviceBuffer& operator=(const DeviceBuffer&) = delete;
    ~DeviceBuffer();

    [[nodiscard]] unsigned char* data() const { return data_; }
    /// Once all work of the device is done.
    [[nodiscard]] std::vector<unsigned char> contents() const;

private:
    unsigned char* data_ = nullptr;
    std::size_t bytes_;
};

/// A stream that no other stream waits for.
class TestStream {
public:
    TestStream();
    TestStream(const TestStream&) = delete;
    TestStream& operator=(const TestStream&) = delete;
    ~TestStream();

    [[nodiscard]] cudaStream_t get() const { return stream_; }

private:
    cudaStream_t stream_ = nullptr;
};

}  // namespace fastio::test
