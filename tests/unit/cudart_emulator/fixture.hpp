#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "peer.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kBlock = 2 * kMiB;

/// Tests that would hang if the emulator did. Switches that a test sets are set back, and device 0 is current.
class EmulatorTest : public ::testing::Test {
protected:
    EmulatorTest();
    ~EmulatorTest() override;

    /// For this test and this process; `value` is put back to `normal` after it.
    void set(const std::string& name, const std::string& value, const std::string& normal);

    const cudart_emulator::Api& api;

private:
    Watchdog watchdog_{"a test of the CUDA runtime emulator"};
    std::vector<std::pair<std::string, std::string>> normal_{};
};

/// cudaMalloc that must succeed; freed at the end.
class DeviceBuffer {
public:
    explicit DeviceBuffer(std::size_t bytes);
    DeviceBuffer(const DeviceBuffer&) = delete;
    DeviceBuffer& operator=(const DeviceBuffer&) = delete;
    ~DeviceBuffer() { cudaFree(data_); }

    [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    /// Sets every byte, and waits.
    void fill(int value) const;
    /// The byte there now, without asking any stream.
    [[nodiscard]] int at(std::size_t offset) const;

private:
    void* data_ = nullptr;
    std::size_t bytes_;
};

/// A stream that the legacy default stream does not order.
class Stream {
public:
    explicit Stream(unsigned flags = cudaStreamNonBlocking);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { cudaStreamDestroy(stream_); }
    [[nodiscard]] operator cudaStream_t() const noexcept { return stream_; }  // NOLINT(google-explicit-constructor)

private:
    cudaStream_t stream_ = nullptr;
};

class Event {
public:
    explicit Event(unsigned flags = cudaEventDisableTiming);
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { cudaEventDestroy(event_); }
    [[nodiscard]] operator cudaEvent_t() const noexcept { return event_; }  // NOLINT(google-explicit-constructor)

private:
    cudaEvent_t event_ = nullptr;
};

[[nodiscard]] std::string exported(const void* data);

/// The driver's function of this name; a test failure if there is none.
template <class Function>
Function driver_function(const char* name) {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult result{};
    EXPECT_EQ(cudaGetDriverEntryPointByVersion(name, &function, 12'000, cudaEnableDefault, &result), cudaSuccess);
    EXPECT_EQ(result, cudaDriverEntryPointSuccess) << name;
    return reinterpret_cast<Function>(function);
}

}  // namespace fastio::test
