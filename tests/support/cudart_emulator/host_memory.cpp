#include "support/cudart_emulator/host_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <memory>

#include "support/cudart_emulator/refused.hpp"

namespace emulator {
namespace {

/// Whether every page of the range is mapped for reading and writing. A driver pins for a GPU that writes.
bool is_writable(std::uintptr_t start, std::uint64_t bytes) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> maps(std::fopen("/proc/self/maps", "re"), std::fclose);
    char line[512];
    std::uintptr_t covered = start;
    while (maps && covered < start + bytes && std::fgets(line, sizeof(line), maps.get()) != nullptr) {
        std::uintptr_t first = 0;
        std::uintptr_t last = 0;
        char rights[5]{};
        if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &first, &last, rights) != 3) {
            continue;
        }
        if (first <= covered && covered < last) {
            if (rights[0] != 'r' || rights[1] != 'w') {
                return false;
            }
            covered = last;
        }
    }
    return covered >= start + bytes;
}

}  // namespace

void* HostMemory::allocate(std::uint64_t bytes, Kind kind, unsigned flags, int device) {
    void* const data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    refuse_if(data == MAP_FAILED, cudaErrorMemoryAllocation);
    ranges_.emplace(reinterpret_cast<std::uintptr_t>(data), Range{bytes, kind, flags, device, ++last_id_});
    return data;
}

void HostMemory::release(const void* start, Kind kind) {
    const auto found = ranges_.find(reinterpret_cast<std::uintptr_t>(start));
    refuse_if(found == ranges_.end() || found->second.kind != kind, cudaErrorInvalidValue);
    ::munmap(reinterpret_cast<void*>(found->first), found->second.bytes);
    ranges_.erase(found);
}

void HostMemory::add(void* start, std::uint64_t bytes, unsigned flags, int device) {
    const auto address = reinterpret_cast<std::uintptr_t>(start);
    refuse_if(address == 0 || bytes == 0 || address + bytes < address, cudaErrorInvalidValue);
    const bool overlaps = std::any_of(ranges_.begin(), ranges_.end(), [&](const auto& range) {
        return range.first < address + bytes && address < range.first + range.second.bytes;
    });
    refuse_if(overlaps, cudaErrorHostMemoryAlreadyRegistered);
    refuse_if(!is_writable(address, bytes), cudaErrorInvalidValue);
    ranges_.emplace(address, Range{bytes, Kind::registered, flags, device, ++last_id_});
}

void HostMemory::remove(const void* start) {
    const auto found = ranges_.find(reinterpret_cast<std::uintptr_t>(start));
    refuse_if(found == ranges_.end() || found->second.kind != Kind::registered, cudaErrorHostMemoryNotRegistered);
    ranges_.erase(found);
}

const HostMemory::Range* HostMemory::find(const void* pointer, std::uint64_t bytes, std::uintptr_t* start) const {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    auto range = ranges_.upper_bound(address);
    if (range == ranges_.begin()) {
        return nullptr;
    }
    --range;
    const std::uint64_t offset = address - range->first;
    if (offset >= range->second.bytes || bytes > range->second.bytes - offset) {
        return nullptr;
    }
    if (start != nullptr) {
        *start = range->first;
    }
    return &range->second;
}

}  // namespace emulator
