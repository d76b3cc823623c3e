#include "gpu/pinned_ranges.hpp"

#include <cuda_runtime_api.h>

#include "core/fail.hpp"
#include "device/immortal.hpp"
#include "gpu/error.hpp"

namespace fastio::gpu {
namespace {

cudaError_t register_range(void* host, std::uint64_t bytes) noexcept {
    return cudaHostRegister(host, bytes, cudaHostRegisterPortable | cudaHostRegisterMapped);
}

bool try_unregister(const std::byte* host) noexcept {
    const cudaError_t code = cudaHostUnregister(const_cast<std::byte*>(host));
    ignore(code);
    return code == cudaSuccess;
}

}  // namespace

PinnedRanges& PinnedRanges::of_process() noexcept {
    // Never destroyed: the driver unpins at exit, and clients that are static objects come here before.
    static const Immortal<PinnedRanges> ranges;
    return *ranges;
}

void PinnedRanges::pin(void* host, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto [range, is_new] = ranges_.try_emplace(static_cast<std::byte*>(host));
    if (is_new) {
        void* device = nullptr;
        cudaError_t code = register_range(host, bytes);
        if (code == cudaErrorHostMemoryAlreadyRegistered) {  // a stale range was there before
            ignore(code);
            unregister_stale();
            code = register_range(host, bytes);
        }
        if (code != cudaSuccess) {
            ranges_.erase(range);
        } else if (code = cudaHostGetDevicePointer(&device, host, 0); code != cudaSuccess) {
            unregister(range);
        }
        if (code != cudaSuccess) {
            throw_error(code, fmt::format("pinning {} bytes of words that streams write and wait for", bytes));
        }
        range->second = {bytes, 0, static_cast<std::byte*>(device)};
    }
    ++range->second.pins;
}

void PinnedRanges::unpin(void* host) noexcept {
    const std::lock_guard lock(mutex_);
    const auto range = ranges_.find(static_cast<std::byte*>(host));
    if (range != ranges_.end() && --range->second.pins == 0) {
        unregister(range);
    }
}

void PinnedRanges::unregister(Ranges::iterator range) noexcept {
    if (try_unregister(range->first)) {
        ranges_.erase(range);
    } else {
        stale_.insert(ranges_.extract(range));
    }
}

void PinnedRanges::unregister_stale() noexcept {
    std::erase_if(stale_, [](const auto& range) { return try_unregister(range.first); });
}

CUdeviceptr PinnedRanges::device_address(const void* word) {
    const auto* const at = static_cast<const std::byte*>(word);
    const std::lock_guard lock(mutex_);
    auto range = ranges_.upper_bound(at);
    if (range == ranges_.begin() || static_cast<std::uint64_t>(at - (--range)->first) >= range->second.bytes) {
        fail(Errc::invalid_argument, "a stream was to write or wait for the word at {}, which is not pinned: pin it",
             word);
    }
    return reinterpret_cast<CUdeviceptr>(range->second.device + (at - range->first));
}

}  // namespace fastio::gpu
