#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace fastio::conformance {

// CUDA calls as the rules make them. Nothing here asks which library answers.

constexpr std::size_t kMiB = std::size_t{1} << 20U;
constexpr std::size_t kBlock = 2 * kMiB;

/// The number of a code. Forgets the last error.
[[nodiscard]] std::string text(cudaError_t code);
/// "0 VALUE", or the code alone if it is an error.
[[nodiscard]] std::string text(cudaError_t code, const std::string& value);
/// Throws std::runtime_error, which is then the rule's answer. For calls that only prepare the question.
void must(cudaError_t code, const char* attempt);

/// A function of the driver. Throws Skipped if there is none of this version.
[[nodiscard]] void* driver_entry(const char* name, unsigned version);
template <class Function>
[[nodiscard]] Function driver_function(const char* name, unsigned version = 12'000) {
    return reinterpret_cast<Function>(driver_entry(name, version));
}

/// From cudaMalloc; freed at the end.
class Memory {
public:
    explicit Memory(std::size_t bytes);
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() { static_cast<void>(free()); }

    [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
    cudaError_t free();

private:
    void* data_ = nullptr;
};

class Stream {
public:
    Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { static_cast<void>(cudaStreamDestroy(stream_)); }
    [[nodiscard]] cudaStream_t get() const noexcept { return stream_; }

private:
    cudaStream_t stream_ = nullptr;
};

/// Holds a stream's later work up, on every GPU and without a kernel: a host function that waits to be let go.
class Gate {
public:
    Gate() = default;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    /// Opens, and waits until what was held has gone through.
    ~Gate();

    /// Queues the host function.
    void hold(cudaStream_t stream);
    void open();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
    int held_ = 0;
};

/// A handle as text of hexadecimal digits, in which it goes to other processes.
[[nodiscard]] std::string to_text(const cudaIpcMemHandle_t& handle);
[[nodiscard]] std::string to_text(const cudaIpcEventHandle_t& handle);
[[nodiscard]] cudaIpcMemHandle_t memory_handle(const std::string& text);
[[nodiscard]] cudaIpcEventHandle_t event_handle(const std::string& text);

[[nodiscard]] cudaError_t try_export(const void* data);
/// Throws unless it succeeds.
[[nodiscard]] std::string exported(const void* data);
[[nodiscard]] cudaError_t open_memory(void** data, const std::string& handle, unsigned flags = 1);
/// Throws unless it succeeds.
[[nodiscard]] std::byte* opened(const std::string& handle);

/// "0 VALUE" of the byte there, or the code.
[[nodiscard]] std::string read_byte(const void* at);
/// Sets every byte, and waits.
[[nodiscard]] cudaError_t fill(void* data, int value, std::size_t bytes);
[[nodiscard]] std::size_t free_bytes();

/// Another thread that lets go, after a while, what this one may wait for; not if this is destroyed before. To be there
/// before there is anything to wait for: the thread's own start is nothing that a driver can hold up.
class Rescue {
public:
    explicit Rescue(std::function<void()> let_go);
    Rescue(const Rescue&) = delete;
    Rescue& operator=(const Rescue&) = delete;
    ~Rescue();
    /// Whether it has begun to let go. To be read right after what may have waited: true then says that it did.
    [[nodiscard]] bool acted() const noexcept { return acted_.load(); }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::atomic<bool> acted_{false};
    std::thread thread_;
};

/// Whether `call` returns only after the work that was in a stream when it was made. It is let go from outside, a while
/// later: the time decides nothing but how long a call that waits may take.
[[nodiscard]] std::string waits_for_work(void* data, const std::function<void()>& call);

/// How a question's process, and those that it starts, learn of its limit.
constexpr const char* kLimitVariable = "FASTIO_CONFORMANCE_LIMIT_S";
/// So many parts of the limit of one question: what a question that could take all of it, or that looks at time, may
/// take. On a slow machine the limit is longer, and this with it.
[[nodiscard]] std::chrono::milliseconds part_of_limit(int parts);

/// Calls until the answer is another than `while_it_is`, for at most `limit`; the last answer.
[[nodiscard]] cudaError_t poll(const std::function<cudaError_t()>& call, cudaError_t while_it_is,
                               std::chrono::milliseconds limit);

}  // namespace fastio::conformance
