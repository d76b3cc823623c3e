#include "gpu/pinned_ranges.hpp"

#include <tuple>

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
    auto* const start = static_cast<std::byte*>(host);
    std::unique_lock lock(mutex_);
    auto [range, is_new] = ranges_.try_emplace(start);
    while (!is_new) {
        if (range->second.device != nullptr) {
            ++range->second.pins;
            return;
        }
        changed_.wait(lock);
        std::tie(range, is_new) = ranges_.try_emplace(start);
    }
    lock.unlock();
    cudaError_t code = register_anew(host, bytes);
    void* device = nullptr;
    const bool is_registered = code == cudaSuccess;
    if (is_registered) {
        code = cudaHostGetDevicePointer(&device, host, 0);
    }
    lock.lock();
    if (code == cudaSuccess) {
        range->second = {bytes, 1, static_cast<std::byte*>(device)};
        changed_.notify_all();
        return;
    }
    if (is_registered) {
        unregister(range, lock);
    } else {
        ranges_.erase(range);
        changed_.notify_all();
    }
    lock.unlock();
    throw_error(code, fmt::format("pinning {} bytes of words that streams write and wait for", bytes));
}

cudaError_t PinnedRanges::register_anew(void* host, std::uint64_t bytes) noexcept {
    cudaError_t code = register_range(host, bytes);
    if (code == cudaErrorHostMemoryAlreadyRegistered) {  // a stale range was there before
        ignore(code);
        unregister_stale();
        code = register_range(host, bytes);
    }
    return code;
}

void PinnedRanges::unpin(void* host) noexcept {
    std::unique_lock lock(mutex_);
    const auto range = ranges_.find(static_cast<std::byte*>(host));
    if (range != ranges_.end() && range->second.device != nullptr && --range->second.pins == 0) {
        unregister(range, lock);
    }
}

void PinnedRanges::unregister(Ranges::iterator range, std::unique_lock<std::mutex>& lock) noexcept {
    range->second.device = nullptr;
    lock.unlock();
    const bool is_gone = try_unregister(range->first);
    lock.lock();
    if (is_gone) {
        ranges_.erase(range);
    } else {
        stale_.insert(ranges_.extract(range));
    }
    changed_.notify_all();
}

void PinnedRanges::unregister_stale() noexcept {
    const std::lock_guard one_at_a_time(unregistering_stale_);
    Ranges due;
    {
        const std::lock_guard lock(mutex_);
        due.swap(stale_);
    }
    std::erase_if(due, [](const auto& range) { return try_unregister(range.first); });
    const std::lock_guard lock(mutex_);
    stale_.merge(due);
}

CUdeviceptr PinnedRanges::device_address(const void* word) {
    const auto* const at = static_cast<const std::byte*>(word);
    const std::lock_guard lock(mutex_);
    auto range = ranges_.upper_bound(at);
    if (range == ranges_.begin() || (--range)->second.device == nullptr ||
        static_cast<std::uint64_t>(at - range->first) >= range->second.bytes) {
        fail(Errc::invalid_argument, "a stream was to write or wait for the word at {}, which is not pinned: pin it",
             word);
    }
    return reinterpret_cast<CUdeviceptr>(range->second.device + (at - range->first));
}

}  // namespace fastio::gpu
