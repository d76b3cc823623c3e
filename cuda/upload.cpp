#include "gpu/upload.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <thread>

#include "core/fail.hpp"
#include "device/quiet_thread.hpp"
#include "gpu/current_device.hpp"
#include "gpu/error.hpp"

namespace fastio::gpu {

Upload::~Upload() {
    for (const Lane& lane : lanes_) {
        destroy(lane);
    }
}

void Upload::destroy(const Lane& lane) noexcept {
    for (std::size_t i = 0; i < kBuffersPerLane; ++i) {
        if (lane.emptied[i] != nullptr) {
            ignore(cudaEventDestroy(lane.emptied[i]));
        }
        if (lane.buffers[i] != nullptr) {
            ignore(cudaFreeHost(lane.buffers[i]));
        }
    }
    if (lane.stream != nullptr) {
        ignore(cudaStreamDestroy(lane.stream));
    }
}

void Upload::make(Lane& lane) {
    check(cudaStreamCreateWithFlags(&lane.stream, cudaStreamNonBlocking), "making a stream to copy on");
    for (std::size_t i = 0; i < kBuffersPerLane; ++i) {
        void* buffer = nullptr;
        if (const cudaError_t code = cudaHostAlloc(&buffer, kPartBytes, cudaHostAllocPortable); code != cudaSuccess) {
            ignore(code);
            fail(code == cudaErrorMemoryAllocation ? Errc::out_of_memory : Errc::device_error,
                 "a copy to a GPU could not have {} bytes of pinned host memory: CUDA says {} ({}); free host memory, "
                 "or "
                 "copy less than {} bytes at once, which needs none",
                 kPartBytes, cudaGetErrorName(code), static_cast<int>(code), kLeastBytes);
        }
        lane.buffers[i] = static_cast<std::byte*>(buffer);
        check(cudaEventCreateWithFlags(&lane.emptied[i], cudaEventDisableTiming), "making an event to copy with");
    }
}

void Upload::prepare() {
    // Half of the processors: the others run the operators.
    const std::size_t count = std::clamp<std::size_t>(std::thread::hardware_concurrency() / 2, 1, kMostLanes);
    while (lanes_.size() < count) {
        Lane& lane = lanes_.emplace_back();
        try {
            make(lane);
        } catch (...) {
            destroy(lane);
            lanes_.pop_back();
            throw;
        }
    }
}

void Upload::copy(std::byte* to, const std::byte* from, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    const CurrentDevice current(ordinal_);
    prepare();
    check(cudaStreamSynchronize(cudaStreamLegacy), "waiting for earlier work before a copy of {} bytes", bytes);
    std::atomic<std::uint64_t> next{0};
    std::array<std::exception_ptr, kMostLanes> failures;
    const auto run_lane = [&](std::size_t i) noexcept {
        try {
            run(lanes_[i], to, from, bytes, next);
        } catch (...) {
            failures[i] = std::current_exception();
            next.store(bytes, std::memory_order_relaxed);  // the others end
        }
    };
    {
        std::vector<std::jthread> others;
        try {
            const AllSignalsBlocked blocked;
            for (std::size_t i = 1; i < lanes_.size(); ++i) {
                others.emplace_back(run_lane, i);
            }
        } catch (const std::exception&) {  // no further thread, or no memory for one: those that there are do it all
        }
        run_lane(0);
    }
    for (const std::exception_ptr& failure : failures) {
        if (failure) {
            std::rethrow_exception(failure);
        }
    }
}

void Upload::run(Lane& lane, std::byte* to, const std::byte* from, std::uint64_t bytes,
                 std::atomic<std::uint64_t>& next) const {
    const CurrentDevice current(ordinal_);
    std::size_t turn = 0;
    // Relaxed: threads are joined before anybody looks at what they did.
    for (std::uint64_t at = 0; (at = next.fetch_add(kPartBytes, std::memory_order_relaxed)) < bytes;
         turn = (turn + 1) % kBuffersPerLane) {
        const std::uint64_t part = std::min(kPartBytes, bytes - at);
        // An event that was never recorded counts as complete.
        check(cudaEventSynchronize(lane.emptied[turn]), "waiting for the GPU to fetch a part of a copy");
        std::memcpy(lane.buffers[turn], from + at, part);
        check(cudaMemcpyAsync(to + at, lane.buffers[turn], part, cudaMemcpyHostToDevice, lane.stream),
              "copying {} bytes to GPU {}", part, ordinal_);
        check(cudaEventRecord(lane.emptied[turn], lane.stream), "marking a part of a copy");
    }
    check(cudaStreamSynchronize(lane.stream), "finishing a copy to GPU {}", ordinal_);
}

}  // namespace fastio::gpu
