#include "device/own_slabs.hpp"

#include <algorithm>

#include "device/slab_mapping.hpp"

namespace fastio {

OwnSlabs& OwnSlabs::of_process() noexcept {
    // Never destroyed: clients that are static objects close their slabs while the process exits.
    static OwnSlabs* const slabs = new OwnSlabs;
    return *slabs;
}

void OwnSlabs::add(const SlabId& id, void* data, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    by_address_.emplace(data, Slab{id, bytes, 0, false});
}

bool OwnSlabs::release(void* data) noexcept {
    const std::lock_guard lock(mutex_);
    const auto slab = by_address_.find(data);
    if (slab == by_address_.end() || slab->second.released) {
        return false;
    }
    slab->second.released = true;
    unmap_if_unused(slab);
    return true;
}

std::optional<OwnSlabs::Opened> OwnSlabs::open(const SlabId& id) {
    const std::lock_guard lock(mutex_);
    const auto slab =
        std::find_if(by_address_.begin(), by_address_.end(), [&](const auto& entry) { return entry.second.id == id; });
    if (slab == by_address_.end()) {
        return std::nullopt;
    }
    ++slab->second.openings;
    return Opened{slab->first, slab->second.bytes};
}

bool OwnSlabs::close(void* data) noexcept {
    const std::lock_guard lock(mutex_);
    const auto slab = by_address_.find(data);
    if (slab == by_address_.end() || slab->second.openings == 0) {
        return false;
    }
    --slab->second.openings;
    unmap_if_unused(slab);
    return true;
}

void OwnSlabs::unmap_if_unused(std::map<void*, Slab>::iterator slab) noexcept {
    if (slab->second.released && slab->second.openings == 0) {
        unmap_slab(slab->first, slab->second.bytes);
        by_address_.erase(slab);
    }
}

}  // namespace fastio
