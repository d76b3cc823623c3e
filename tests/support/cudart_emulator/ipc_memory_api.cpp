// Legacy IPC of memory. Numbers are the contract's rules; README.md lists them with their grades.

#include <unistd.h>

#include <bit>

#include "support/cudart_emulator/call.hpp"
#include "support/cudart_emulator/fatal.hpp"
#include "support/cudart_emulator/ipc_handles.hpp"
#include "support/cudart_emulator/peers.hpp"
#include "support/cudart_emulator/records.hpp"

namespace emulator {
namespace {

IpcHandle export_handle(Process& process, const DeviceMemory::Piece& piece) {
    const Control::Lock lock(process.control);
    const ControlLayout& layout = process.control.layout();
    const AllocationRecord& allocation = layout.allocations[piece.record];
    IpcHandle handle;
    handle.magic = IpcHandle::memory;
    handle.boot_id = boot_id();
    handle.pid = ::getpid();
    handle.gpu = piece.gpu;
    handle.id = piece.id;
    handle.block = layout.runs[allocation.run].offset;
    handle.offset = allocation.offset;
    handle.bytes = allocation.bytes;
    return handle;
}

/// Refuses what a driver refuses before it looks for the memory.
void check_handle(const Settings& settings, const IpcHandle& handle, unsigned flags) {
    refuse_if(settings.other_kernel, cudaErrorInvalidResourceHandle);          // 17
    refuse_if(handle.magic != IpcHandle::memory, cudaErrorInvalidValue);       // 16
    refuse_if(flags != cudaIpcMemLazyEnablePeerAccess, settings.other_flags);  // 14
    refuse_if(handle.boot_id != boot_id(), cudaErrorInvalidResourceHandle);    // 17
    refuse_if(handle.pid == ::getpid(), cudaErrorDeviceUninitialized);         // 13, 41
}

/// The allocation that the handle names. Needs the machine's lock.
std::uint32_t find_exported(Process& process, const IpcHandle& handle) {
    ControlLayout& layout = process.control.layout();
    process.control.reap();
    const AllocationRecord* const allocation = find_allocation(layout, handle.id);
    refuse_if(allocation == nullptr, process.settings.dead_exporter);
    refuse_if(allocation->state == AllocationRecord::freed, cudaErrorInvalidValue);
    const bool dead = allocation->state == AllocationRecord::orphaned || !process.control.lives(allocation->owner);
    refuse_if(dead, process.settings.dead_exporter);  // 36
    return static_cast<std::uint32_t>(allocation - layout.allocations);
}

/// Whether this process still has a freed allocation open that was where the exporter's new one is (rule 19). Needs the
/// machine's lock.
bool is_mapped_already(Process& process, const AllocationRecord& fresh) {
    for (const auto& [address, piece] : process.memory.pieces()) {
        if (piece.kind != DeviceMemory::Kind::imported) {
            continue;
        }
        const AllocationRecord& stale = process.control.layout().allocations[piece.record];
        if (stale.state == AllocationRecord::freed && stale.owner_pid == fresh.owner_pid &&
            stale.owner_address < fresh.owner_address + fresh.bytes &&
            fresh.owner_address < stale.owner_address + stale.bytes) {
            return true;
        }
    }
    return false;
}

}  // namespace
}  // namespace emulator

using emulator::call;
using emulator::DeviceMemory;
using emulator::IpcHandle;
using emulator::Process;
using emulator::refuse_if;
using Lock = emulator::Streams::Lock;

extern "C" {

cudaError_t CUDARTAPI cudaIpcGetMemHandle(cudaIpcMemHandle_t* handle, void* data) {
    return call(__func__, [&](Process& process, Lock&) {
        refuse_if(data == nullptr, cudaErrorInvalidValue);
        if (handle == nullptr) {
            emulator::fatal("cudaIpcGetMemHandle without a place for the handle: a real driver crashes here (rule 3)");
        }
        process.use(process.current_gpu());
        // An interior pointer gives its base's handle (rule 4).
        const DeviceMemory::Piece* const piece = process.memory.find(data);
        refuse_if(piece == nullptr || piece->kind == DeviceMemory::Kind::pool, cudaErrorInvalidValue);
        refuse_if(piece->kind == DeviceMemory::Kind::imported, process.settings.imported_export);
        *handle = std::bit_cast<cudaIpcMemHandle_t>(emulator::export_handle(process, *piece));
    });
}

cudaError_t CUDARTAPI cudaIpcOpenMemHandle(void** data, cudaIpcMemHandle_t bytes, unsigned flags) {
    return call(__func__, [&](Process& process, Lock&) {
        refuse_if(data == nullptr, cudaErrorInvalidValue);
        const std::uint32_t current = process.current_gpu();
        process.use(current);
        process.streams.refuse_unsafe();
        const auto handle = std::bit_cast<IpcHandle>(bytes);
        emulator::check_handle(process.settings, handle, flags);
        if (void* const opened = process.memory.opened(handle.id, current)) {  // rule 18
            ++process.memory.pieces().at(reinterpret_cast<std::uintptr_t>(opened)).opened;
            *data = opened;
            return;
        }
        const emulator::Control::Lock machine(process.control);
        const std::uint32_t record = emulator::find_exported(process, handle);
        const bool stale = process.settings.already_mapped &&
                           emulator::is_mapped_already(process, process.control.layout().allocations[record]);
        refuse_if(stale, cudaErrorAlreadyMapped);
        emulator::reach_peer(process, current, handle.gpu);  // rule 22
        *data = process.memory.open(record, current);
    });
}

// Waits for this process's work: a mapping goes, and real ones have been seen to wait too (rule 32).
cudaError_t CUDARTAPI cudaIpcCloseMemHandle(void* data) {
    return call(__func__, [&](Process& process, Lock& lock) {
        const auto piece = process.memory.pieces().find(reinterpret_cast<std::uintptr_t>(data));
        refuse_if(piece == process.memory.pieces().end() || piece->second.kind != DeviceMemory::Kind::imported,
                  cudaErrorInvalidValue);
        if (piece->second.opened == 1) {
            if (process.settings.strict_close && !process.streams.are_idle()) {
                emulator::fatal("cudaIpcCloseMemHandle(%p) while streams have work (FASTIO_EMU_STRICT_CLOSE)", data);
            }
            process.streams.synchronise_all(lock);
        }
        process.memory.close(data);
    });
}

}  // extern "C"
