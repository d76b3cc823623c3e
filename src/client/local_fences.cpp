#include "client/local_fences.hpp"

#include <utility>

#include "device/immortal.hpp"

namespace fastio::detail {

LocalFences& LocalFences::of_process() noexcept {
    // Never destroyed: a Context that is a static object comes here while the process exits.
    static const Immortal<LocalFences> fences;
    return *fences;
}

void LocalFences::add(const Key& key, std::uint64_t value, std::shared_ptr<StreamMark> mark) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[key];
    entry.value = value;
    entry.mark.swap(mark);
}

std::shared_ptr<StreamMark> LocalFences::find(const Key& key, std::uint64_t value) {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(key);
    return entry != entries_.end() && entry->second.value == value ? entry->second.mark : nullptr;
}

void LocalFences::remove(const Key& key) noexcept {
    std::shared_ptr<StreamMark> last;  // destroyed outside of the lock
    const std::lock_guard lock(mutex_);
    if (const auto entry = entries_.find(key); entry != entries_.end()) {
        last = std::move(entry->second.mark);
        entries_.erase(entry);
    }
}

}  // namespace fastio::detail
