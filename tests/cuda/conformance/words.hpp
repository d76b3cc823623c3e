#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdint>

#include "device/descriptor.hpp"

namespace fastio::conformance {

/// Queues the write of a 64-bit word. Throws Skipped if the driver has no such operation.
[[nodiscard]] cudaError_t write_word(cudaStream_t stream, void* word, std::uint64_t value);
/// Queues a wait until the word is `value` or more.
[[nodiscard]] cudaError_t wait_for_word(cudaStream_t stream, void* word, std::uint64_t value);

/// A page of host memory that several processes share and each of them pinned. Never unpinned: streams may use it until
/// the process ends.
class SharedWords {
public:
    /// A file for the page. Throws std::runtime_error.
    [[nodiscard]] static Descriptor make_file();
    /// `file` is read no more once this returns. Throws std::runtime_error.
    explicit SharedWords(int file);
    [[nodiscard]] void* on_device() const noexcept { return on_device_; }
    /// Acquire: pairs with the write of a stream, or of another thread.
    [[nodiscard]] std::uint64_t first() const noexcept { return word().load(std::memory_order_acquire); }
    /// By the host. Release: pairs with the wait of a stream.
    void set_first(std::uint64_t value) noexcept { word().store(value, std::memory_order_release); }
    /// Behind the first word: for a byte that a stream copies.
    [[nodiscard]] unsigned char* byte_on_host() const noexcept { return static_cast<unsigned char*>(on_host_) + 64; }

private:
    [[nodiscard]] std::atomic_ref<std::uint64_t> word() const noexcept {
        return std::atomic_ref<std::uint64_t>(*static_cast<std::uint64_t*>(on_host_));
    }

    void* on_host_ = nullptr;
    void* on_device_ = nullptr;
};

}  // namespace fastio::conformance
