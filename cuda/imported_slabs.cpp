#include "gpu/imported_slabs.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "device/immortal.hpp"
#include "gpu/current_device.hpp"
#include "gpu/error.hpp"
#include "gpu/slab_origin.hpp"

namespace fastio::gpu {
namespace {

cudaIpcMemHandle_t native(const SlabHandle& handle) noexcept {
    cudaIpcMemHandle_t result{};
    static_assert(sizeof(result) == sizeof(handle.bytes));
    std::memcpy(&result, handle.bytes.data(), sizeof(result));
    return result;
}

bool try_close(void* data, int ordinal) noexcept {
    try {
        const CurrentDevice current(ordinal);
        const cudaError_t code = cudaIpcCloseMemHandle(data);
        ignore(code);
        return code == cudaSuccess;
    } catch (const Error&) {  // the process is exiting, or its context is broken: the driver closes it at exit
        return false;
    }
}

}  // namespace

ImportedSlabs& ImportedSlabs::of_process() noexcept {
    // Never destroyed: CUDA must not be called while static objects go.
    static const Immortal<ImportedSlabs> slabs;
    return *slabs;
}

void* ImportedSlabs::open(const SlabHandle& handle, int ordinal) {
    const Key key{slab_of(handle.origin), ordinal};
    std::unique_lock lock(mutex_);
    auto [place, is_new] = slabs_.try_emplace(key);
    while (!is_new) {
        if (place->second.data != nullptr) {
            ++place->second.openings;
            return place->second.data;
        }
        changed_.wait(lock);
        std::tie(place, is_new) = slabs_.try_emplace(key);
    }
    lock.unlock();
    void* data = nullptr;
    try {
        data = open_new(handle, ordinal);
    } catch (...) {
        lock.lock();
        slabs_.erase(place);
        changed_.notify_all();
        throw;
    }
    lock.lock();
    place->second = {data, 1};
    changed_.notify_all();
    return data;
}

void* ImportedSlabs::open_new(const SlabHandle& handle, int ordinal) {
    check_origin(handle.origin);
    const CurrentDevice current(ordinal);
    void* data = nullptr;
    cudaError_t code = cudaIpcOpenMemHandle(&data, native(handle), cudaIpcMemLazyEnablePeerAccess);
    if (code == cudaErrorAlreadyMapped) {
        ignore(code);
        close_stale();
        code = cudaIpcOpenMemHandle(&data, native(handle), cudaIpcMemLazyEnablePeerAccess);
    }
    if (code != cudaSuccess) {
        throw_error(code, fmt::format("opening a slab that process {} exported, for GPU {}{}", handle.origin.pid,
                                      ordinal, namespace_hint(handle.origin)));
    }
    return data;
}

bool ImportedSlabs::close(void* data) noexcept {
    std::unique_lock lock(mutex_);
    const auto found = std::ranges::find_if(slabs_, [data](const auto& slab) { return slab.second.data == data; });
    if (found == slabs_.end()) {
        return false;
    }
    if (--found->second.openings != 0) {
        return true;
    }
    found->second.data = nullptr;
    lock.unlock();
    const bool is_closed = try_close(data, found->first.second);
    lock.lock();
    if (is_closed) {
        slabs_.erase(found);
    } else {
        found->second.data = data;
        stale_.insert(slabs_.extract(found));
    }
    changed_.notify_all();
    lock.unlock();
    if (is_closed) {  // the driver closes, and may now close what it would not before: it holds another's memory
        close_stale();
    }
    return true;
}

void ImportedSlabs::close_stale() noexcept {
    const std::lock_guard one_at_a_time(closing_stale_);
    Stale due;
    {
        const std::lock_guard lock(mutex_);
        due.swap(stale_);
    }
    std::erase_if(due, [](const auto& slab) { return try_close(slab.second.data, slab.first.second); });
    const std::lock_guard lock(mutex_);
    stale_.merge(due);
}

}  // namespace fastio::gpu
