#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <fastio/stream.hpp>

#include "device/descriptor.hpp"

namespace fastio {

/// How a slab's memory is handed to another process. A tagged union, so that further kinds can be added.
enum class HandleKind : std::uint32_t {
    none = 0,
    memfd = 1,     ///< a descriptor, passed over the socket; the 64 bytes name the slab in its own process
    cuda_ipc = 2,  ///< the 64 bytes of cudaIpcMemHandle_t; no descriptor
};

/// What an importer needs to map a slab. Plain bytes: it stands in the table as it is.
struct SlabHandle {
    HandleKind kind = HandleKind::none;
    std::uint32_t reserved = 0;
    std::array<std::byte, 64> bytes{};
    friend bool operator==(const SlabHandle&, const SlabHandle&) = default;
};
static_assert(sizeof(SlabHandle) == 72);

/// A slab as its owner holds it. Given back with DeviceMemory::release.
struct OwnedSlab {
    void* data = nullptr;     ///< in this process; a multiple of 2 MiB, as an allocation's alignment may be
    std::uint64_t bytes = 0;  ///< a multiple of 2 MiB
    SlabHandle handle{};
    Descriptor file{};        ///< for HandleKind::memfd
};

struct DeviceInfo {
    std::string name{};                         ///< "host" or "cuda:N"
    std::string uuid{};                         ///< "" for host, "GPU-..." for a GPU
    std::uint64_t total_bytes = 0;
    std::uint64_t default_pool_bytes = 0;       ///< half of the host's memory, 0.9 of a GPU's free memory
    std::chrono::nanoseconds reuse_grace{0};    ///< after a dead client's lifeline ended (design P3)
    bool host_accessible = true;                ///< data() may be dereferenced by the CPU
};

/// Where memory lives: the seam between Fast I/O and a kind of memory. Three roles use it. The *owner* (the service)
/// reserves slabs, exports and releases them. An *importer* (a client in another process) opens and closes them. Either
/// moves and orders *data*.
///
/// *Threads.* Every call may be made from any thread. reserve, release and open may take milliseconds.
/// *Errors.* Each call says which; what the driver reports arrives as Error with its name, number and remedy.
class DeviceMemory {
public:
    DeviceMemory() = default;
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;
    virtual ~DeviceMemory() = default;

    [[nodiscard]] virtual const DeviceInfo& info() const noexcept = 0;

    /// Owner: `bytes` (a multiple of 2 MiB) of cleared memory. Errors: invalid_argument, out_of_memory, device_error.
    [[nodiscard]] virtual OwnedSlab reserve(std::uint64_t bytes) = 0;
    /// Owner: gives the memory back. Only when no importer has it open (design P5). Errors: device_error.
    virtual void release(OwnedSlab slab) = 0;

    /// Importer: maps a slab; `file` is needed for HandleKind::memfd and only read. In the process that owns the slab
    /// this is the owner's own address (design P10). Errors: device_error, unsupported (kind), corrupt_input (`file`
    /// is shorter than `bytes`, or can shrink), io_error.
    [[nodiscard]] virtual void* open(const SlabHandle& handle, std::uint64_t bytes, int file) = 0;
    /// Importer: the inverse of one open. Never throws; an own slab stays.
    virtual void close(void* data, std::uint64_t bytes) noexcept = 0;

    /// Copies between this memory and the host or itself; without a stream it is done on return. Errors: unsupported
    /// (a stream on a device that has none), device_error.
    virtual void copy(void* to, const void* from, std::uint64_t bytes, Stream stream) = 0;
    /// Sets every byte. Errors as copy.
    virtual void fill(void* to, std::byte value, std::uint64_t bytes, Stream stream) = 0;

    /// Writes `value` to a fence word behind the stream's work so far. Errors as copy.
    virtual void signal(std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) = 0;
    /// Makes the stream's later work wait until word >= value, cyclically. Without a stream: blocks the caller.
    virtual void wait(const std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) = 0;
    /// Returns when the stream's work (without a stream: all of this process's work on the device) is done.
    virtual void synchronise(Stream stream) = 0;
};

}  // namespace fastio
