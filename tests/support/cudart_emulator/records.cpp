#include "support/cudart_emulator/records.hpp"

#include <vector>

namespace emulator {
namespace {

bool is_unused(const RunRecord& run) {
    return run.state == RunRecord::none;
}

std::optional<std::uint32_t> new_run(ControlLayout& layout, std::uint32_t gpu, std::uint64_t offset,
                                     std::uint64_t bytes, RunRecord::State state) {
    const auto index = find_free(layout.runs, layout.runs_end, is_unused);
    if (index) {
        RunRecord& run = layout.runs[*index];
        run.gpu = gpu;
        run.offset = offset;
        run.bytes = bytes;
        run.state = state;
    }
    return index;
}

void merge_neighbours(ControlLayout& layout) {
    const std::span<RunRecord> runs = used(layout.runs, layout.runs_end);
    for (RunRecord& run : runs) {
        if (run.state != RunRecord::free) {
            continue;
        }
        const auto next = std::find_if(runs.begin(), runs.end(), [&](const RunRecord& other) {
            return other.state == RunRecord::free && other.gpu == run.gpu && other.offset == run.offset + run.bytes;
        });
        if (next != runs.end()) {
            next->state = RunRecord::none;  // killed here, these blocks are lost (invariant 1)
            run.bytes += next->bytes;
        }
    }
}

}  // namespace

std::optional<std::uint32_t> take_run(ControlLayout& layout, std::uint32_t gpu, std::uint64_t bytes, bool& fresh) {
    if (bytes > free_bytes(layout, gpu)) {
        return std::nullopt;
    }
    fresh = false;
    for (RunRecord& run : used(layout.runs, layout.runs_end)) {
        if (run.state == RunRecord::free && run.gpu == gpu && run.bytes >= bytes) {
            const std::uint64_t rest = run.bytes - bytes;
            if (rest > 0 && !new_run(layout, gpu, run.offset + bytes, rest, RunRecord::free)) {
                return std::nullopt;
            }
            run.bytes = bytes;
            run.state = RunRecord::in_use;
            return static_cast<std::uint32_t>(&run - layout.runs);
        }
    }
    // Scattered free blocks do not fit, or there are none. Memory has pages: only the file gets longer.
    fresh = true;
    const std::uint64_t offset = layout.file_bytes[gpu];
    const auto index = new_run(layout, gpu, offset, bytes, RunRecord::in_use);
    if (index) {
        layout.file_bytes[gpu] = offset + bytes;
    }
    return index;
}

std::uint64_t free_bytes(const ControlLayout& layout, std::uint32_t gpu) {
    std::uint64_t in_use = 0;
    for (std::uint32_t i = 0; i < layout.runs_end; ++i) {
        const RunRecord& run = layout.runs[i];
        if (run.state == RunRecord::in_use && run.gpu == gpu) {
            in_use += run.bytes;
        }
    }
    return in_use < layout.memory_bytes ? layout.memory_bytes - in_use : 0;
}

void drop_unused(ControlLayout& layout) {
    std::vector<bool> mapped(layout.allocations_end);
    for (const MappingRecord& mapping : used(layout.mappings, layout.mappings_end)) {
        if (mapping.id != 0) {
            mapped[mapping.allocation] = true;
        }
    }
    std::vector<bool> needed(layout.runs_end);
    for (std::uint32_t i = 0; i < layout.allocations_end; ++i) {
        AllocationRecord& allocation = layout.allocations[i];
        if (allocation.id != 0 && allocation.state != AllocationRecord::live && !mapped[i]) {
            allocation.id = 0;
        }
        if (allocation.id != 0) {
            needed[allocation.run] = true;
        }
    }
    for (std::uint32_t i = 0; i < layout.runs_end; ++i) {
        if (layout.runs[i].state == RunRecord::in_use && !needed[i]) {
            layout.runs[i].state = RunRecord::free;
        }
    }
    merge_neighbours(layout);
}

AllocationRecord* find_allocation(ControlLayout& layout, std::uint64_t id) {
    const std::span<AllocationRecord> all = used(layout.allocations, layout.allocations_end);
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const AllocationRecord& one) { return id != 0 && one.id == id; });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace emulator
