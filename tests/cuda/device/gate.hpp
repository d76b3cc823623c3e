#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>

namespace fastio::test {

/// A stream that no other stream waits for.
class TestStream {
public:
    TestStream() {
        if (cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking) != cudaSuccess) {
            throw std::runtime_error("no stream could be made");
        }
    }
    TestStream(const TestStream&) = delete;
    TestStream& operator=(const TestStream&) = delete;
    ~TestStream() { static_cast<void>(cudaStreamDestroy(stream_)); }
    [[nodiscard]] cudaStream_t get() const noexcept { return stream_; }

private:
    cudaStream_t stream_ = nullptr;
};

/// Holds a stream back until it is opened: a host function in stream order, which works on every runtime.
class Gate {
public:
    Gate() = default;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    ~Gate() {
        open();
        while (waiting_.load() != 0) {
        }
    }
    void hold(cudaStream_t stream) {
        ++waiting_;
        const auto wait = [](void* self) {
            auto& gate = *static_cast<Gate*>(self);
            gate.open_.wait(false);
            --gate.waiting_;
        };
        if (cudaLaunchHostFunc(stream, wait, this) != cudaSuccess) {
            --waiting_;
            throw std::runtime_error("no host function could be queued");
        }
    }
    void open() {
        open_.store(true);
        open_.notify_all();
    }

private:
    std::atomic<bool> open_{false};
    std::atomic<int> waiting_{0};
};

}  // namespace fastio::test
