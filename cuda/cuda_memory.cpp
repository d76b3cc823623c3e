#include "gpu/cuda_memory.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/fail.hpp"
#include "core/limits.hpp"
#include "core/rounding.hpp"
#include "device/slabs.hpp"
#include "device/waiting.hpp"
#include "gpu/about_gpu.hpp"
#include "gpu/current_device.hpp"
#include "gpu/driver.hpp"
#include "gpu/error.hpp"
#include "gpu/imported_slabs.hpp"
#include "gpu/pinned_ranges.hpp"
#include "gpu/slab_origin.hpp"

namespace fastio::gpu {
namespace {

using namespace std::chrono_literals;

// How long after a process's end its kernels may still run, once its pidfd and lifeline say that it is gone (design
// P3). The driver tears a dead process's context down before the process is reaped; this is the margin on top.
constexpr std::chrono::milliseconds kReuseGrace = 100ms;

cudaStream_t native(Stream stream) noexcept {
    return stream.handle();
}

void free_memory(void* data, std::uint64_t /*bytes*/) noexcept {
    ignore(cudaFree(data));
}

/// Every GPU has default streams of its own, which these handles stand for when it is the current one.
bool is_default(cudaStream_t stream) noexcept {
    return stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
}

/// For calls on a stream: they are about that GPU, and a default stream is that GPU's. Other streams need no current
/// device.
class StreamGpu {
public:
    StreamGpu(Stream stream, int ordinal) : about_(ordinal) {
        if (stream && is_default(native(stream))) {
            current_.emplace(ordinal);
        }
    }

private:
    const AboutGpu about_;
    std::optional<CurrentDevice> current_;
};

class EventMark final : public StreamMark {
public:
    /// `ordinal` is the GPU whose default streams are meant.
    EventMark(cudaStream_t stream, int ordinal) {
        if (!is_default(stream)) {
            check(cudaStreamGetDevice(stream, &ordinal), "asking for the GPU of a stream");
        }
        const CurrentDevice current(ordinal);  // an event and the stream that it is recorded in must be of one GPU
        check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event");
        const cudaError_t code = cudaEventRecord(event_, stream);
        if (code != cudaSuccess) {
            ignore(cudaEventDestroy(event_));
            throw_error(code, "recording an event in a stream");
        }
    }
    ~EventMark() override { ignore(cudaEventDestroy(event_)); }
    [[nodiscard]] cudaEvent_t event() const noexcept { return event_; }

private:
    cudaEvent_t event_ = nullptr;
};

bool is_pageable(const void* memory) noexcept {
    cudaPointerAttributes attributes{};
    const cudaError_t code = cudaPointerGetAttributes(&attributes, memory);
    ignore(code);
    return code == cudaSuccess && attributes.type == cudaMemoryTypeUnregistered;
}

}  // namespace

CudaMemory::CudaMemory(const Gpu& slabs_on, const Gpu& compute)
    : ordinal_(static_cast<int>(compute.ordinal)), owner_(static_cast<int>(slabs_on.ordinal)), upload_(ordinal_) {
    const CurrentDevice current(owner_);
    std::size_t free = 0;
    std::size_t total = 0;
    check(cudaMemGetInfo(&free, &total), "asking for the free memory of GPU {}", owner_);
    info_.name = fmt::format("cuda:{}", slabs_on.ordinal);
    info_.uuid = slabs_on.uuid;
    info_.total_bytes = total;
    info_.default_pool_bytes = std::max(round_down(free / 10 * 9, kSlabGranularity), std::uint64_t{kSlabGranularity});
    info_.reuse_grace = kReuseGrace;
    info_.host_accessible = false;
    info_.stream_order = compute.stream_order;
}

const std::atomic<int>& CudaMemory::loss() const noexcept {
    return loss_of(ordinal_);
}

void CudaMemory::fail_lost(std::string_view call) const {
    const auto code = static_cast<cudaError_t>(loss().load(std::memory_order_relaxed));
    const Diagnosis diagnosis = diagnose(code);
    fail(diagnosis.errc, "{} needs GPU {}, of which CUDA said {} ({}) before: {}", call, ordinal_,
         cudaGetErrorName(code), static_cast<int>(code), diagnosis.cause);
}

OwnedSlab CudaMemory::reserve(std::uint64_t bytes) {
    check_slab_size(bytes);
    if (bytes > info_.total_bytes) {
        fail(Errc::out_of_memory, "could not reserve a slab of {} bytes: GPU {} has {} in all", bytes, owner_,
             info_.total_bytes);
    }
    const CurrentDevice current(owner_);
    OwnedSlab slab;
    check(cudaMalloc(&slab.data, bytes), "reserving a slab of {} bytes on GPU {}", bytes, owner_);
    slab.bytes = bytes;
    try {
        if (reinterpret_cast<std::uintptr_t>(slab.data) % kMaxAlignment != 0) {
            fail(Errc::device_error, "CUDA placed a slab of {} bytes at {}, which is no multiple of {}", bytes,
                 slab.data, kMaxAlignment);
        }
        // Cleared before anybody else can see it: cudaMalloc gives what the last owner left (rule 64).
        check(cudaMemset(slab.data, 0, bytes), "clearing a slab of {} bytes on GPU {}", bytes, owner_);
        check(cudaStreamSynchronize(cudaStreamLegacy), "clearing a slab of {} bytes on GPU {}", bytes, owner_);
        slab.handle = export_slab(slab.data);
        OwnSlabs::of_process().add(slab_of(slab.handle.origin), slab.data, bytes, free_memory);
    } catch (...) {
        free_memory(slab.data, bytes);
        throw;
    }
    return slab;
}

SlabHandle CudaMemory::export_slab(void* data) const {
    cudaIpcMemHandle_t native{};
    check(cudaIpcGetMemHandle(&native, data), "exporting a slab of GPU {}", owner_);
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, owner_), "asking for the properties of GPU {}", owner_);
    SlabHandle handle;
    handle.kind = HandleKind::cuda_ipc;
    static_assert(sizeof(native) == sizeof(handle.bytes));
    std::memcpy(handle.bytes.data(), &native, sizeof(native));
    handle.origin = make_origin(random_slab_id(), properties.uuid);
    return handle;
}

void CudaMemory::release(OwnedSlab slab) {
    if (slab.data == nullptr) {
        return;
    }
    const CurrentDevice current(owner_);
    switch (OwnSlabs::of_process().release(slab.data)) {
        case OwnSlabs::Release::unknown:
            fail_not_owned(slab);
        case OwnSlabs::Release::in_use:
            break;
        case OwnSlabs::Release::unused:
            check(cudaFree(slab.data), "giving {} bytes back to GPU {}", slab.bytes, owner_);
    }
}

void* CudaMemory::open(const SlabHandle& handle, std::uint64_t bytes, int /*file*/) {
    if (handle.kind != HandleKind::cuda_ipc) {
        fail(Errc::unsupported,
             "the device '{}' cannot open a slab handle of kind {}: it opens kind {} (CUDA IPC) only; the slab belongs "
             "to another device",
             info_.name, static_cast<std::uint32_t>(handle.kind), static_cast<std::uint32_t>(HandleKind::cuda_ipc));
    }
    if (ordinal_ != owner_) {
        const AboutGpu about(ordinal_);
        int can_access = 0;
        check(cudaDeviceCanAccessPeer(&can_access, ordinal_, owner_), "asking whether GPU {} reaches GPU {}", ordinal_,
              owner_);
        if (can_access == 0) {
            fail(
                Errc::peer_access_unavailable,
                "a slab of {} bytes is on GPU {}, which GPU {} of this process cannot reach: run both operators on one "
                "GPU (nvidia-smi topo -p2p r shows who reaches whom)",
                bytes, owner_, ordinal_);
        }
    }
    if (void* const own = open_own(handle, bytes)) {
        return own;
    }
    return ImportedSlabs::of_process().open(handle, ordinal_);
}

void* CudaMemory::open_own(const SlabHandle& handle, std::uint64_t bytes) {
    const auto own = OwnSlabs::of_process().open(slab_of(handle.origin));
    if (!own) {
        return nullptr;
    }
    try {
        if (own->bytes != bytes) {
            fail(Errc::corrupt_input, "a slab handle says {} bytes, but this process's own slab of that name has {}",
                 bytes, own->bytes);
        }
        if (ordinal_ != owner_) {
            const CurrentDevice current(ordinal_);
            const cudaError_t code = cudaDeviceEnablePeerAccess(owner_, 0);
            if (code == cudaErrorPeerAccessAlreadyEnabled) {
                ignore(code);
            } else {
                check(code, "letting GPU {} reach GPU {}", ordinal_, owner_);
            }
        }
    } catch (...) {
        OwnSlabs::of_process().close(own->data);
        throw;
    }
    return own->data;
}

void CudaMemory::close(void* data, std::uint64_t /*bytes*/) noexcept {
    if (data != nullptr && !OwnSlabs::of_process().close(data)) {
        ImportedSlabs::of_process().close(data);
    }
}

void CudaMemory::copy(void* to, const void* from, std::uint64_t bytes, Stream stream) {
    if (bytes == 0) {
        return;
    }
    if (stream) {
        const StreamGpu gpu(stream, ordinal_);
        if (is_default(native(stream))) {
            refuse_other_gpu(from);
        }
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, native(stream)), "copying {} bytes on a stream",
              bytes);
        return;
    }
    if (bytes >= Upload::kLeastBytes && is_pageable(from)) {
        upload_.copy(static_cast<std::byte*>(to), static_cast<const std::byte*>(from), bytes);
        return;
    }
    const CurrentDevice current(ordinal_);
    check(cudaMemcpy(to, from, bytes, cudaMemcpyDefault), "copying {} bytes", bytes);
    // A copy from pageable memory may return before its last bytes have arrived, and one within the GPU before it has
    // begun (rule 61).
    check(cudaStreamSynchronize(cudaStreamLegacy), "finishing a copy of {} bytes", bytes);
}

void CudaMemory::refuse_other_gpu(const void* memory) const {
    cudaPointerAttributes attributes{};
    check(cudaPointerGetAttributes(&attributes, memory), "asking for the GPU of memory");
    if (attributes.type == cudaMemoryTypeDevice && attributes.device != ordinal_ && attributes.device != owner_) {
        fail(
            Errc::unsupported,
            "copying from memory on cuda:{} in a default stream, which knows nothing of that GPU's work: give a stream "
            "of cuda:{}, or copy to cuda:{} first",
            attributes.device, attributes.device, ordinal_);
    }
}

void CudaMemory::fill(void* to, std::byte value, std::uint64_t bytes, Stream stream) {
    if (bytes == 0) {
        return;
    }
    const int byte = std::to_integer<int>(value);
    if (stream) {
        const StreamGpu gpu(stream, ordinal_);
        check(cudaMemsetAsync(to, byte, bytes, native(stream)), "filling {} bytes on a stream", bytes);
        return;
    }
    const CurrentDevice current(ordinal_);
    check(cudaMemset(to, byte, bytes), "filling {} bytes", bytes);
    check(cudaStreamSynchronize(cudaStreamLegacy), "filling {} bytes", bytes);
}

void CudaMemory::pin(void* host, std::uint64_t bytes) {
    const CurrentDevice current(ordinal_);
    PinnedRanges::of_process().pin(host, bytes);
}

void CudaMemory::unpin(void* host) noexcept {
    PinnedRanges::of_process().unpin(host);
}

void CudaMemory::check_stream(Stream stream) {
    if (!stream) {
        return;
    }
    const StreamGpu gpu(stream, ordinal_);
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    const cudaError_t code = cudaStreamIsCapturing(native(stream), &status);
    if (code == cudaErrorStreamCaptureImplicit || status != cudaStreamCaptureStatusNone) {
        ignore(code);
        fail(Errc::unsupported,
             "a stream that is being captured into a CUDA graph was given: a replay would signal and wait for words of "
             "long ago; publish and get outside of the capture");
    }
    check(code, "asking whether a stream is being captured");
}

void CudaMemory::signal(std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) {
    if (stream && info_.stream_order == StreamOrder::memory_operations) {
        const StreamGpu gpu(stream, ordinal_);
        // The default flags put a memory barrier for the whole system before the write (cuda.h,
        // CUstreamWriteValue_flags).
        check_driver(
            Driver::get().stream_write_value64(native(stream), PinnedRanges::of_process().device_address(&word), value,
                                               CU_STREAM_WRITE_VALUE_DEFAULT),
            "queueing the write of a word in a stream");
        return;
    }
    if (stream) {
        synchronise(stream);
    }
    word.store(value, std::memory_order_release);  // pairs with the acquire in reached()
}

void CudaMemory::wait(const std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) {
    if (stream && info_.stream_order == StreamOrder::memory_operations) {
        const StreamGpu gpu(stream, ordinal_);
        check_driver(Driver::get().stream_wait_value64(native(stream), PinnedRanges::of_process().device_address(&word),
                                                       value, CU_STREAM_WAIT_VALUE_GEQ),
                     "queueing the wait for a word in a stream");
        return;
    }
    wait_on_host(word, value);
}

std::shared_ptr<StreamMark> CudaMemory::mark(Stream stream) {
    const StreamGpu gpu(stream, ordinal_);
    return std::make_shared<EventMark>(native(stream), ordinal_);
}

void CudaMemory::wait_for(const StreamMark& mark, Stream stream) {
    const StreamGpu gpu(stream, ordinal_);
    check(cudaStreamWaitEvent(native(stream), dynamic_cast<const EventMark&>(mark).event(), cudaEventWaitDefault),
          "making a stream wait for another");
}

bool CudaMemory::has_passed(const StreamMark& mark) {
    const AboutGpu about(ordinal_);
    const cudaError_t code = cudaEventQuery(dynamic_cast<const EventMark&>(mark).event());
    if (code == cudaErrorNotReady) {
        ignore(code);
        return false;
    }
    check(code, "asking whether a stream has passed a mark");
    return true;
}

void CudaMemory::synchronise(Stream stream) {
    if (stream) {
        const StreamGpu gpu(stream, ordinal_);
        check(cudaStreamSynchronize(native(stream)), "waiting for a stream");
        return;
    }
    const CurrentDevice current(ordinal_);
    check(cudaDeviceSynchronize(), "waiting for GPU {}", ordinal_);
}

std::shared_ptr<DeviceMemory> make_cuda_memory(std::string_view uuid, std::string_view compute) {
    const Gpus& gpus = list_gpus();
    const auto find = [&](std::string_view wanted) -> const Gpu& {
        const auto found = std::ranges::find(gpus.found, wanted, &Gpu::uuid);
        if (found == gpus.found.end()) {
            fail(Errc::device_unavailable, "the GPU '{}' was asked for, and this process sees {}: {}", wanted,
                 gpus.found.empty() ? "none" : "others only",
                 gpus.found.empty() ? gpus.why_none : "check CUDA_VISIBLE_DEVICES");
        }
        if (found->exclusive) {
            fail(Errc::device_unavailable,
                 "the GPU '{}' ({}) is in an exclusive or prohibited compute mode, in which two processes cannot share "
                 "it: nvidia-smi -i {} -c 0 (DEFAULT)",
                 found->uuid, found->product, found->uuid);
        }
        return *found;
    };
    const Gpu& owner = find(uuid);
    return std::make_shared<CudaMemory>(owner, compute.empty() ? owner : find(compute));
}

}  // namespace fastio::gpu
