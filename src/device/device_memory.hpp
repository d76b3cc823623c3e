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

/// Who exported a slab, and with what: compared before a driver is asked to open it, so that each way in which it
/// cannot work has an error of its own. Zero for HandleKind::memfd, which works wherever the descriptor arrives.
struct SlabOrigin {
    std::uint8_t slab[16]{};  ///< SlabId
    std::uint8_t boot_id[16]{};
    std::uint8_t device[16]{};         ///< the GPU's UUID, as bytes
    std::int64_t pid = 0;              ///< as the owner sees itself
    std::uint64_t pid_namespace = 0;   ///< inode of the owner's /proc/self/ns/pid
    std::int32_t driver_version = 0;   ///< cudaDriverGetVersion
    std::int32_t runtime_version = 0;  ///< cudaRuntimeGetVersion
    friend bool operator==(const SlabOrigin&, const SlabOrigin&) = default;
};
static_assert(sizeof(SlabOrigin) == 72);

/// What an importer needs to map a slab. Plain bytes: it stands in the table as it is.
struct SlabHandle {
    HandleKind kind = HandleKind::none;
    std::uint32_t reserved = 0;
    std::array<std::byte, 64> bytes{};
    SlabOrigin origin{};
    friend bool operator==(const SlabHandle&, const SlabHandle&) = default;
};
static_assert(sizeof(SlabHandle) == 144);

/// A slab as its owner holds it. Given back with DeviceMemory::release.
struct OwnedSlab {
    void* data = nullptr;     ///< in this process; a multiple of 2 MiB, as an allocation's alignment may be
    std::uint64_t bytes = 0;  ///< a multiple of 2 MiB
    SlabHandle handle{};
    Descriptor file{};           ///< for HandleKind::memfd
    std::uint64_t improved = 0;  ///< up to here DeviceMemory::improve has nothing to do
};

/// How work on streams is ordered against other processes.
enum class StreamOrder : std::uint8_t {
    no_streams,         ///< the device has none: calls are done on return
    memory_operations,  ///< streams write and wait for words themselves; the host waits for nothing
    synchronise,        ///< they cannot: signal synchronises the stream, wait blocks the caller
};

/// A point in a stream's work, for ordering streams of one process. Made by mark(), gone with its last owner.
class StreamMark {
public:
    StreamMark() = default;
    StreamMark(const StreamMark&) = delete;
    StreamMark& operator=(const StreamMark&) = delete;
    virtual ~StreamMark() = default;
};

struct DeviceInfo {
    std::string name{};  ///< "host" or "cuda:N"
    std::string uuid{};  ///< "" for host, "GPU-..." for a GPU
    std::uint64_t total_bytes = 0;
    std::uint64_t default_pool_bytes = 0;     ///< half of the host's memory, 0.9 of a GPU's free memory
    std::chrono::nanoseconds reuse_grace{0};  ///< after a dead client's lifeline ended (design P3)
    bool host_accessible = true;              ///< data() may be dereferenced by the CPU
    StreamOrder stream_order = StreamOrder::no_streams;
};

/// Where memory lives: the seam between Fast I/O and a kind of memory. Three roles use it. The *owner* (the service)
/// reserves slabs, exports and releases them. An *importer* (a client in another process) opens and closes them. Either
/// moves and orders *data*.
///
/// *Threads.* Every call may be made from any thread. release and open may take milliseconds, reserve seconds
/// where it is large or memory is scarce.
/// *Errors.* Each call says which; what the driver reports arrives as Error with its name, number and remedy.
class DeviceMemory {
public:
    DeviceMemory() = default;
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;
    virtual ~DeviceMemory() = default;

    [[nodiscard]] virtual const DeviceInfo& info() const noexcept = 0;
    /// Not 0 once a call has failed in a way after which no call of this process will succeed: the device was lost, and
    /// this is the driver's code for it. A word, as old as this object, so that a hot call can look at it without a
    /// virtual one.
    [[nodiscard]] virtual const std::atomic<int>& loss() const noexcept = 0;
    [[nodiscard]] bool is_lost() const noexcept { return loss().load(std::memory_order_relaxed) != 0; }
    /// Throws what the loss means for `call`. Errors: device_error, device_unavailable.
    virtual void fail_lost(std::string_view call) const = 0;

    /// Owner: `bytes` (a multiple of 2 MiB) of cleared memory. Errors: invalid_argument, out_of_memory, device_error.
    [[nodiscard]] virtual OwnedSlab reserve(std::uint64_t bytes) = 0;
    /// Owner: gives the memory back. Only when no importer has it open (design P5). Errors: device_error.
    virtual void release(OwnedSlab slab) = 0;
    /// Owner: makes a part of a slab, from `offset` on, faster to use, while others use it; contents stay. For idle
    /// time: takes some milliseconds at a time. Gives the offset of what is left to do; `bytes` where nothing is.
    [[nodiscard]] virtual std::uint64_t improve(void* data, std::uint64_t bytes, std::uint64_t offset) noexcept = 0;

    /// Importer: maps a slab; `file` is needed for HandleKind::memfd and only read. In the process that owns the slab
    /// this is the owner's own address (design P10). Errors: device_error, unsupported (kind), corrupt_input (`file`
    /// is shorter than `bytes`, or can shrink), io_error; of GPUs also incompatible_host (another boot),
    /// unsupported (the owner's process id is this process's), version_mismatch (another driver), device_unavailable,
    /// peer_access_unavailable, forked.
    [[nodiscard]] virtual void* open(const SlabHandle& handle, std::uint64_t bytes, int file) = 0;
    /// Importer: the inverse of one open. Never throws; an own slab stays.
    virtual void close(void* data, std::uint64_t bytes) noexcept = 0;

    /// Copies between this memory and the host or itself; without a stream it is done on return. Errors: unsupported
    /// (a stream on a device that has none), device_error.
    virtual void copy(void* to, const void* from, std::uint64_t bytes, Stream stream) = 0;
    /// Sets every byte. Errors as copy.
    virtual void fill(void* to, std::byte value, std::uint64_t bytes, Stream stream) = 0;

    /// Makes words of host memory reachable for signal and wait with a stream, and the inverse. Done once per mapping,
    /// before the first wait: a driver may wait for streams while it pins. `host` is page-aligned and mapped for
    /// writing. A device without streams does nothing. Errors of pin: device_error, out_of_memory.
    virtual void pin(void* host, std::uint64_t bytes) = 0;
    virtual void unpin(void* host) noexcept = 0;

    /// Throws unless work may be queued in this stream now. Errors: unsupported (a stream on a device that has none; a
    /// stream that is being captured into a graph, whose replays nothing here would order).
    virtual void check_stream(Stream stream) = 0;
    /// Writes `value` to a fence word behind the stream's work so far; without a stream, now. Errors as copy.
    virtual void signal(std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) = 0;
    /// Makes the stream's later work wait until word >= value, cyclically. Without a stream: blocks the caller.
    virtual void wait(const std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) = 0;
    /// Remembers the stream's work so far, and makes a stream's later work wait for what was remembered. Within one
    /// process this replaces words: two streams may share a hardware queue, in which a wait ahead of its signal would
    /// never end. Errors as copy.
    [[nodiscard]] virtual std::shared_ptr<StreamMark> mark(Stream stream) = 0;
    virtual void wait_for(const StreamMark& mark, Stream stream) = 0;
    /// Whether what was remembered is done. Errors: device_error.
    [[nodiscard]] virtual bool has_passed(const StreamMark& mark) = 0;
    /// Returns when the stream's work (without a stream: all of this process's work on the device) is done.
    virtual void synchronise(Stream stream) = 0;
};

}  // namespace fastio
