#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "gpu/error.hpp"

namespace fastio::gpu_bench {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

using Handle = std::array<std::byte, CUDA_IPC_HANDLE_SIZE>;
static_assert(sizeof(cudaIpcMemHandle_t) == sizeof(Handle) && sizeof(cudaIpcEventHandle_t) == sizeof(Handle));

/// Memory of one cudaMalloc, on the current device. Errors: out_of_memory, device_error.
class DeviceBlock {
public:
    explicit DeviceBlock(std::uint64_t bytes);
    DeviceBlock(const DeviceBlock&) = delete;
    DeviceBlock& operator=(const DeviceBlock&) = delete;
    ~DeviceBlock();
    [[nodiscard]] void* data() const noexcept { return data_; }
    [[nodiscard]] Handle handle() const;

private:
    void* data_ = nullptr;
};

/// Another process's DeviceBlock, opened here.
class OpenedBlock {
public:
    explicit OpenedBlock(const Handle& handle);
    OpenedBlock(const OpenedBlock&) = delete;
    OpenedBlock& operator=(const OpenedBlock&) = delete;
    ~OpenedBlock();
    [[nodiscard]] void* data() const noexcept { return data_; }

private:
    void* data_ = nullptr;
};

/// Pinned host memory, zeroed, that GPUs reach at the same address.
class PinnedBlock {
public:
    explicit PinnedBlock(std::uint64_t bytes);
    PinnedBlock(const PinnedBlock&) = delete;
    PinnedBlock& operator=(const PinnedBlock&) = delete;
    ~PinnedBlock();
    [[nodiscard]] void* data() const noexcept { return data_; }
    [[nodiscard]] std::uint64_t* words() const noexcept { return static_cast<std::uint64_t*>(data_); }

private:
    void* data_ = nullptr;
};

/// A stream that no other one waits for.
class OwnStream {
public:
    OwnStream();
    OwnStream(const OwnStream&) = delete;
    OwnStream& operator=(const OwnStream&) = delete;
    ~OwnStream();
    [[nodiscard]] cudaStream_t get() const noexcept { return stream_; }
    void synchronise() const;

private:
    cudaStream_t stream_ = nullptr;
};

/// An event between processes: made here, or opened.
class SharedEvent {
public:
    SharedEvent();
    explicit SharedEvent(const Handle& handle);
    SharedEvent(const SharedEvent&) = delete;
    SharedEvent& operator=(const SharedEvent&) = delete;
    ~SharedEvent();
    [[nodiscard]] cudaEvent_t get() const noexcept { return event_; }
    [[nodiscard]] Handle handle() const;

private:
    cudaEvent_t event_ = nullptr;
};

/// False on the emulator of the CUDA runtime.
[[nodiscard]] bool kernels_run();

/// Behind the stream's work: the time, in nanoseconds, into pinned memory. By a kernel and the GPU's clock; on the
/// emulator by a host function and CLOCK_MONOTONIC.
void stamp(std::uint64_t* word, cudaStream_t stream);

/// The step, in nanoseconds, of the clock that stamp() reads; waits for the stream. On the emulator 1.
[[nodiscard]] std::uint64_t clock_step(cudaStream_t stream);

/// Behind the stream's work: a kernel that takes so long. Nothing on the emulator.
void work_for(std::uint64_t nanoseconds, cudaStream_t stream);

}  // namespace fastio::gpu_bench
