#include "device/own_slabs.hpp"

#include <algorithm>

#include "device/immortal.hpp"

namespace fastio {

OwnSlabs& OwnSlabs::of_process() noexcept {
    // Never destroyed: clients that are static objects close their slabs while the process exits.
    static const Immortal<OwnSlabs> slabs;
    return *slabs;
}

void OwnSlabs::add(const SlabId& id, void* data, std::uint64_t bytes, Free free) {
    const std::lock_guard lock(mutex_);
    by_address_.emplace(data, Slab{id, bytes, free, 0, false});
}

OwnSlabs::Release OwnSlabs::release(void* data) noexcept {
    const std::lock_guard lock(mutex_);
    const auto slab = by_address_.find(data);
    if (slab == by_address_.end() || slab->second.released) {
        return Release::unknown;
    }
    if (slab->second.openings != 0) {
        slab->second.released = true;
        return Release::in_use;
    }
    by_address_.erase(slab);
    return Release::unused;
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
    Slab last;
    {
        const std::lock_guard lock(mutex_);
        const auto slab = by_address_.find(data);
        if (slab == by_address_.end() || slab->second.openings == 0) {
            return false;
        }
        --slab->second.openings;
        if (!slab->second.released || slab->second.openings != 0) {
            return true;
        }
        last = slab->second;
        by_address_.erase(slab);
    }
    last.free(data, last.bytes);  // outside the lock: a driver may take its time
    return true;
}

}  // namespace fastio
