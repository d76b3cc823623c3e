#include "support/cudart_emulator/device_memory.hpp"

#include <iterator>
#include <limits>

#include "support/cudart_emulator/fatal.hpp"
#include "support/cudart_emulator/records.hpp"
#include "support/cudart_emulator/refused.hpp"

namespace emulator {
namespace {

// What is smaller shares a block with others of its process, as in a driver (rule 5).
constexpr std::uint64_t kSmallBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kAlignment = 512;
constexpr std::uint64_t kNoGap = std::numeric_limits<std::uint64_t>::max();

constexpr std::uint64_t round_up(std::uint64_t bytes, std::uint64_t to) {
    return (bytes + to - 1) / to * to;
}

}  // namespace

void* DeviceMemory::allocate(std::uint32_t gpu, std::uint64_t bytes, Kind kind) {
    refuse_if(bytes > control_.layout().memory_bytes || owned_bytes_ + bytes > settings_.out_of_memory_after,
              cudaErrorMemoryAllocation);
    const Control::Lock lock(control_);
    control_.reap();
    ControlLayout& layout = control_.layout();
    const auto record = find_free(layout.allocations, layout.allocations_end,
                                  [](const AllocationRecord& allocation) { return allocation.id == 0; });
    refuse_if(!record, cudaErrorMemoryAllocation);
    std::uint64_t offset = 0;
    const std::uintptr_t region = region_for(gpu, bytes, offset);
    AllocationRecord& allocation = layout.allocations[*record];
    allocation.run = regions_.at(region).run;
    allocation.owner = control_.slot();
    allocation.owner_pid = layout.processes[control_.slot()].pid;
    allocation.offset = offset;
    allocation.bytes = bytes;
    allocation.owner_address = region + offset;
    allocation.state = AllocationRecord::live;
    allocation.id = ++layout.last_id;

    Piece piece;
    piece.bytes = bytes;
    piece.kind = kind;
    piece.gpu = gpu;
    piece.id = allocation.id;
    piece.record = *record;
    piece.region = region;
    pieces_.emplace(region + offset, piece);
    ++regions_.at(region).pieces;
    owned_bytes_ += bytes;
    return reinterpret_cast<void*>(region + offset);
}

std::uintptr_t DeviceMemory::region_for(std::uint32_t gpu, std::uint64_t bytes, std::uint64_t& offset) {
    const bool small = bytes <= kSmallBytes;
    if (small) {
        for (const auto& [address, region] : regions_) {
            if (region.shared_by_small && region.gpu == gpu && (offset = gap(address, bytes)) != kNoGap) {
                return address;
            }
        }
    }
    offset = 0;
    bool fresh = false;
    const std::uint64_t whole = round_up(bytes, kBlockBytes);
    const auto run = take_run(control_.layout(), gpu, whole, fresh);
    refuse_if(!run, cudaErrorMemoryAllocation);
    const RunRecord& record = control_.layout().runs[*run];
    const bool filled = !fresh || files_.fill_fresh(gpu, record.offset, whole, settings_.dirty);
    const std::uintptr_t region = filled ? map_run(*run) : 0;
    if (region == 0) {
        drop_unused(control_.layout());
        refuse(cudaErrorMemoryAllocation);
    }
    regions_.at(region).shared_by_small = small;
    return region;
}

std::uint64_t DeviceMemory::gap(std::uintptr_t region, std::uint64_t bytes) const {
    std::uint64_t offset = 0;
    for (auto piece = pieces_.lower_bound(region); piece != pieces_.end() && piece->second.region == region; ++piece) {
        if (piece->first - region - offset >= bytes) {
            return offset;
        }
        offset = round_up(piece->first - region + piece->second.bytes, kAlignment);
    }
    return offset + bytes <= kBlockBytes ? offset : kNoGap;
}

void DeviceMemory::release(const void* start, Kind kind) {
    const auto found = pieces_.find(reinterpret_cast<std::uintptr_t>(start));
    refuse_if(found == pieces_.end() || found->second.kind != kind, cudaErrorInvalidValue);
    const Piece piece = found->second;
    pieces_.erase(found);
    owned_bytes_ -= piece.bytes;
    const Control::Lock lock(control_);
    if (settings_.strict_free) {
        refuse_open(piece.id, start);
    }
    control_.layout().allocations[piece.record].state = AllocationRecord::freed;
    if (--regions_.at(piece.region).pieces == 0) {
        unmap(piece.region);
    }
    drop_unused(control_.layout());
}

void DeviceMemory::refuse_open(std::uint64_t id, const void* start) {
    control_.reap();
    ControlLayout& layout = control_.layout();
    for (const MappingRecord& mapping : used(layout.mappings, layout.mappings_end)) {
        if (mapping.id == id) {
            fatal("freeing %p, which process %d has open (FASTIO_EMU_STRICT_FREE)", start,
                  static_cast<int>(layout.processes[mapping.process].pid));
        }
    }
}

std::uintptr_t DeviceMemory::map_run(std::uint32_t run) {
    const RunRecord& record = control_.layout().runs[run];
    const std::uintptr_t address = addresses_.take(record.bytes);
    if (address == 0) {
        return 0;
    }
    std::byte* const alias = files_.map(record.gpu, record.offset, record.bytes);
    if (alias == nullptr) {
        addresses_.give_back(address, record.bytes);
        return 0;
    }
    Region region;
    region.bytes = record.bytes;
    region.alias = alias;
    region.gpu = record.gpu;
    region.run = run;
    regions_.emplace(address, region);
    return address;
}

void DeviceMemory::unmap(std::uintptr_t address) {
    const auto region = regions_.find(address);
    DeviceFiles::unmap(region->second.alias, region->second.bytes);
    addresses_.give_back(address, region->second.bytes);
    regions_.erase(region);
}

void* DeviceMemory::open(std::uint32_t record, std::uint32_t opened_on) {
    ControlLayout& layout = control_.layout();
    const AllocationRecord& allocation = layout.allocations[record];
    const auto mapping =
        find_free(layout.mappings, layout.mappings_end, [](const MappingRecord& one) { return one.id == 0; });
    refuse_if(!mapping, cudaErrorMapBufferObjectFailed);
    const std::uintptr_t region = map_run(allocation.run);
    refuse_if(region == 0, cudaErrorMapBufferObjectFailed);
    MappingRecord& entry = layout.mappings[*mapping];
    entry.process = control_.slot();
    entry.allocation = record;
    entry.id = allocation.id;
    Piece piece;
    piece.bytes = allocation.bytes;
    piece.kind = Kind::imported;
    piece.gpu = layout.runs[allocation.run].gpu;
    piece.id = allocation.id;
    piece.record = record;
    piece.region = region;
    piece.opened = 1;
    piece.opened_on = opened_on;
    pieces_.emplace(region + allocation.offset, piece);
    regions_.at(region).pieces = 1;
    regions_.at(region).guard = record;
    regions_.at(region).guard_id = allocation.id;
    return reinterpret_cast<void*>(region + allocation.offset);
}

void DeviceMemory::close(const void* start) {
    const auto found = pieces_.find(reinterpret_cast<std::uintptr_t>(start));
    refuse_if(found == pieces_.end() || found->second.kind != Kind::imported, cudaErrorInvalidValue);
    if (--found->second.opened > 0) {
        return;
    }
    const Piece piece = found->second;
    pieces_.erase(found);
    unmap(piece.region);
    const Control::Lock lock(control_);
    ControlLayout& layout = control_.layout();
    for (MappingRecord& mapping : used(layout.mappings, layout.mappings_end)) {
        if (mapping.id == piece.id && mapping.process == control_.slot()) {
            mapping.id = 0;
            break;
        }
    }
    drop_unused(layout);
}

void* DeviceMemory::opened(std::uint64_t id, std::uint32_t opened_on) const {
    for (const auto& [address, piece] : pieces_) {
        if (piece.kind == Kind::imported && piece.id == id && piece.opened_on == opened_on) {
            return reinterpret_cast<void*>(address);
        }
    }
    return nullptr;
}

const DeviceMemory::Piece* DeviceMemory::find(const void* pointer, std::uintptr_t* start) const {
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(pointer);
    auto piece = pieces_.upper_bound(address);
    if (piece == pieces_.begin()) {
        return nullptr;
    }
    --piece;
    if (address - piece->first >= piece->second.bytes) {
        return nullptr;
    }
    if (start != nullptr) {
        *start = piece->first;
    }
    return &piece->second;
}

Access DeviceMemory::access(const void* pointer, std::uint64_t bytes) const {
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(pointer);
    auto next = regions_.upper_bound(address);
    if (next == regions_.begin()) {
        return {};
    }
    const auto& [start, region] = *std::prev(next);
    const std::uint64_t offset = address - start;
    if (offset >= region.bytes || bytes > region.bytes - offset) {
        return {};
    }
    if (region.guard == Access::kNoGuard) {
        std::uintptr_t piece_start = 0;
        const Piece* piece = find(pointer, &piece_start);
        if (piece == nullptr || bytes > piece->bytes - (address - piece_start)) {
            return {};
        }
    }
    return {region.alias + offset, region.guard, region.guard_id};
}

std::uint64_t DeviceMemory::free_bytes(std::uint32_t gpu) {
    const Control::Lock lock(control_);
    control_.reap();
    return emulator::free_bytes(control_.layout(), gpu);
}

}  // namespace emulator
