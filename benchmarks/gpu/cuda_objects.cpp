#include "cuda_objects.hpp"

#include <bit>
#include <chrono>
#include <cstring>

#include "bench_kernels.hpp"
#include "gpu/gpus.hpp"

namespace fastio::gpu_bench {

using gpu::check;
using gpu::ignore;

DeviceBlock::DeviceBlock(std::uint64_t bytes) {
    check(cudaMalloc(&data_, bytes), "cudaMalloc of {} bytes", bytes);
}

DeviceBlock::~DeviceBlock() {
    ignore(cudaFree(data_));
}

Handle DeviceBlock::handle() const {
    cudaIpcMemHandle_t handle{};
    check(cudaIpcGetMemHandle(&handle, data_), "cudaIpcGetMemHandle");
    return std::bit_cast<Handle>(handle);
}

OpenedBlock::OpenedBlock(const Handle& handle) {
    check(cudaIpcOpenMemHandle(&data_, std::bit_cast<cudaIpcMemHandle_t>(handle), cudaIpcMemLazyEnablePeerAccess),
          "cudaIpcOpenMemHandle");
}

OpenedBlock::~OpenedBlock() {
    ignore(cudaIpcCloseMemHandle(data_));
}

PinnedBlock::PinnedBlock(std::uint64_t bytes) {
    check(cudaHostAlloc(&data_, bytes, cudaHostAllocPortable | cudaHostAllocMapped),
          "allocating {} bytes of pinned memory", bytes);
    std::memset(data_, 0, bytes);
}

PinnedBlock::~PinnedBlock() {
    ignore(cudaFreeHost(data_));
}

OwnStream::OwnStream() {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
}

OwnStream::~OwnStream() {
    ignore(cudaStreamDestroy(stream_));
}

void OwnStream::synchronise() const {
    check(cudaStreamSynchronize(stream_), "waiting for a stream");
}

SharedEvent::SharedEvent() {
    check(cudaEventCreateWithFlags(&event_, cudaEventInterprocess | cudaEventDisableTiming), "making an event");
}

SharedEvent::SharedEvent(const Handle& handle) {
    check(cudaIpcOpenEventHandle(&event_, std::bit_cast<cudaIpcEventHandle_t>(handle)), "cudaIpcOpenEventHandle");
}

SharedEvent::~SharedEvent() {
    ignore(cudaEventDestroy(event_));
}

Handle SharedEvent::handle() const {
    cudaIpcEventHandle_t handle{};
    check(cudaIpcGetEventHandle(&handle, event_), "cudaIpcGetEventHandle");
    return std::bit_cast<Handle>(handle);
}

bool kernels_run() {
    static const bool real = gpu::runtime_substitute().empty();
    return real;
}

void stamp(std::uint64_t* word, cudaStream_t stream) {
    if (kernels_run()) {
        check(launch_stamp(word, stream), "launching a kernel that writes the time");
        return;
    }
    const auto write_time = [](void* to) {
        *static_cast<volatile std::uint64_t*>(to) =
            static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    };
    check(cudaLaunchHostFunc(stream, write_time, word), "queueing a function that writes the time");
}

std::uint64_t clock_step(cudaStream_t stream) {
    if (!kernels_run()) {
        return 1;
    }
    const PinnedBlock block(4096);
    check(launch_clock_step(block.words(), stream), "launching a kernel that looks at the clock");
    check(cudaStreamSynchronize(stream), "waiting for a kernel that looks at the clock");
    return block.words()[0];
}

void work_for(std::uint64_t nanoseconds, cudaStream_t stream) {
    if (kernels_run() && nanoseconds > 0) {
        check(launch_spin(nanoseconds, stream), "launching a kernel of {} ns", nanoseconds);
    }
}

}  // namespace fastio::gpu_bench
