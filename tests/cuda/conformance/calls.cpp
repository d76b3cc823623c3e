#include "calls.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "rule.hpp"
#include "support/hex.hpp"

namespace fastio::conformance {
namespace {

template <class Handle>
Handle handle_of(const std::string& text) {
    const std::vector<std::byte> bytes = test::from_hex(text);
    Handle handle{};
    if (bytes.size() != sizeof(handle)) {
        throw std::runtime_error("'" + text + "' is no handle");
    }
    std::memcpy(&handle, bytes.data(), sizeof(handle));
    return handle;
}

/// Longer than a call takes that waits for nothing, also where its driver loads something for it.
std::chrono::milliseconds until_rescue() {
    constexpr std::chrono::seconds kAtMost(2);
    return std::min<std::chrono::milliseconds>(kAtMost, part_of_limit(5));
}

}  // namespace

std::string text(cudaError_t code) {
    static_cast<void>(cudaGetLastError());
    return std::to_string(static_cast<int>(code));
}

std::string text(cudaError_t code, const std::string& value) {
    return code == cudaSuccess ? "0 " + value : text(code);
}

void must(cudaError_t code, const char* attempt) {
    if (code != cudaSuccess) {
        throw std::runtime_error(std::string(attempt) + " gave " + text(code));
    }
}

void* driver_entry(const char* name, unsigned version) {
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult result{};
    const cudaError_t code = cudaGetDriverEntryPointByVersion(name, &entry, version, cudaEnableDefault, &result);
    if (code != cudaSuccess || result != cudaDriverEntryPointSuccess) {
        throw Skipped(std::string("this driver has no ") + name);
    }
    return entry;
}

Memory::Memory(std::size_t bytes) {
    must(cudaMalloc(&data_, bytes), "cudaMalloc");
}

cudaError_t Memory::free() {
    return cudaFree(std::exchange(data_, nullptr));
}

Stream::Stream() {
    must(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
}

Gate::~Gate() {
    open();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return held_ == 0; });
}

void Gate::hold(cudaStream_t stream) {
    const auto wait = [](void* gate) {
        Gate& self = *static_cast<Gate*>(gate);
        std::unique_lock lock(self.mutex_);
        self.changed_.wait(lock, [&] { return self.open_; });
        --self.held_;
        self.changed_.notify_all();
    };
    const std::lock_guard lock(mutex_);
    must(cudaLaunchHostFunc(stream, wait, this), "cudaLaunchHostFunc");
    ++held_;
}

void Gate::open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
}

std::string to_text(const cudaIpcMemHandle_t& handle) {
    return test::to_hex(std::as_bytes(std::span(&handle, 1)));
}
std::string to_text(const cudaIpcEventHandle_t& handle) {
    return test::to_hex(std::as_bytes(std::span(&handle, 1)));
}
cudaIpcMemHandle_t memory_handle(const std::string& text) {
    return handle_of<cudaIpcMemHandle_t>(text);
}
cudaIpcEventHandle_t event_handle(const std::string& text) {
    return handle_of<cudaIpcEventHandle_t>(text);
}

cudaError_t try_export(const void* data) {
    cudaIpcMemHandle_t handle{};
    return cudaIpcGetMemHandle(&handle, const_cast<void*>(data));
}

std::string exported(const void* data) {
    cudaIpcMemHandle_t handle{};
    must(cudaIpcGetMemHandle(&handle, const_cast<void*>(data)), "cudaIpcGetMemHandle");
    return to_text(handle);
}

cudaError_t open_memory(void** data, const std::string& handle, unsigned flags) {
    return cudaIpcOpenMemHandle(data, memory_handle(handle), flags);
}

std::byte* opened(const std::string& handle) {
    void* data = nullptr;
    must(open_memory(&data, handle), "cudaIpcOpenMemHandle");
    return static_cast<std::byte*>(data);
}

std::string read_byte(const void* at) {
    unsigned char byte = 0;
    const cudaError_t code = cudaMemcpy(&byte, at, 1, cudaMemcpyDeviceToHost);
    return text(code, std::to_string(byte));
}

cudaError_t fill(void* data, int value, std::size_t bytes) {
    const cudaError_t code = cudaMemset(data, value, bytes);
    return code == cudaSuccess ? cudaDeviceSynchronize() : code;
}

std::size_t free_bytes() {
    std::size_t free = 0;
    std::size_t total = 0;
    must(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return free;
}

Rescue::Rescue(std::function<void()> let_go)
    : thread_([this, let_go = std::move(let_go)] {
          std::unique_lock lock(mutex_);
          if (!changed_.wait_for(lock, until_rescue(), [this] { return over_; })) {
              acted_.store(true);
              let_go();
          }
      }) {}

Rescue::~Rescue() {
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

std::string waits_for_work(void* data, const std::function<void()>& call) {
    const Stream stream;
    // What the driver loads for the first one, it may load only while no stream waits.
    must(cudaMemsetAsync(data, 1, 1, stream.get()), "cudaMemsetAsync");
    must(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
    Gate gate;
    const Rescue rescue([&] { gate.open(); });
    gate.hold(stream.get());
    must(cudaMemsetAsync(data, 1, 1, stream.get()), "cudaMemsetAsync");
    call();
    const bool waited = rescue.acted();
    const cudaError_t code = cudaStreamQuery(stream.get());
    gate.open();
    static_cast<void>(cudaStreamSynchronize(stream.get()));  // may fail: the call took the memory from under the work
    if (code != cudaSuccess && code != cudaErrorNotReady) {
        return text(code);
    }
    return waited ? "waits" : "does not wait";
}

std::chrono::milliseconds part_of_limit(int parts) {
    const char* const limit = std::getenv(kLimitVariable);
    return std::chrono::milliseconds(std::chrono::seconds(limit == nullptr ? 30 : std::atoi(limit))) / parts;
}

cudaError_t poll(const std::function<cudaError_t()>& call, cudaError_t while_it_is, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    cudaError_t code = call();
    while (code == while_it_is && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        code = call();
    }
    return code;
}

}  // namespace fastio::conformance
