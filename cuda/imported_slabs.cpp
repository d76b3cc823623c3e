#include "gpu/imported_slabs.hpp"

#include <algorithm>
#include <cstring>

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
    // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new): without it nothing works
    static ImportedSlabs* const slabs = new ImportedSlabs;
    return *slabs;
}

void* ImportedSlabs::open(const SlabHandle& handle, int ordinal) {
    const Key key{slab_of(handle.origin), ordinal};
    const std::lock_guard lock(mutex_);
    const auto found = opened_.find(key);
    if (found != opened_.end()) {
        ++found->second.openings;
        return found->second.data;
    }
    check_origin(handle.origin);
    stale_.reserve(stale_.size() + opened_.size() + 1);  // so that no close needs memory
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
    try {
        opened_.emplace(key, Opened{data, 1});
    } catch (...) {
        ignore(cudaIpcCloseMemHandle(data));
        throw;
    }
    return data;
}

bool ImportedSlabs::close(void* data) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(opened_, [data](const auto& entry) { return entry.second.data == data; });
    if (found == opened_.end()) {
        return false;
    }
    if (--found->second.openings == 0) {
        const int ordinal = found->first.second;
        opened_.erase(found);
        if (!try_close(data, ordinal)) {
            stale_.push_back({data, ordinal});
        }
    }
    return true;
}

void ImportedSlabs::close_stale() noexcept {
    std::erase_if(stale_, [](const Stale& stale) { return try_close(stale.data, stale.ordinal); });
}

}  // namespace fastio::gpu
