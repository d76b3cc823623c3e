#pragma once

#include <cuda_runtime_api.h>

#include "device/device_memory.hpp"
#include "gpu/gpus.hpp"
#include "gpu/upload.hpp"

namespace fastio::gpu {

/// A GPU's memory through the CUDA runtime: slabs are cudaMalloc blocks, handles are those of cudaIpcGetMemHandle.
///
/// *Invariants.*
/// 1. Only the primary context of a GPU is used, and a call leaves the caller's current device as it was.
/// 2. A call without a stream is ordered as CUDA's synchronous calls are: after the work of the legacy stream.
/// 3. The legacy and the per-thread stream are those of the GPU that this process computes on, whichever is current; a
///    call with another stream leaves the current device alone.
/// 4. No driver is called while static objects are destroyed, unless the owner of this object destroys it then.
class CudaMemory final : public DeviceMemory {
public:
    /// `slabs_on` has the memory; `compute` runs the kernels, and may be another GPU. Errors: as make_cuda_memory.
    CudaMemory(const Gpu& slabs_on, const Gpu& compute);

    [[nodiscard]] const DeviceInfo& info() const noexcept override { return info_; }
    [[nodiscard]] const std::atomic<int>& loss() const noexcept override;
    void fail_lost(std::string_view call) const override;
    [[nodiscard]] OwnedSlab reserve(std::uint64_t bytes) override;
    void release(OwnedSlab slab) override;
    [[nodiscard]] std::uint64_t improve(void* /*data*/, std::uint64_t bytes,
                                        std::uint64_t /*offset*/) noexcept override {
        return bytes;  // a GPU's pages are large
    }
    [[nodiscard]] void* open(const SlabHandle& handle, std::uint64_t bytes, int file) override;
    void close(void* data, std::uint64_t bytes) noexcept override;
    void copy(void* to, const void* from, std::uint64_t bytes, Stream stream) override;
    void fill(void* to, std::byte value, std::uint64_t bytes, Stream stream) override;
    void pin(void* host, std::uint64_t bytes) override;
    void unpin(void* host) noexcept override;
    void check_stream(Stream stream) override;
    void signal(std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) override;
    void wait(const std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) override;
    [[nodiscard]] std::shared_ptr<StreamMark> mark(Stream stream) override;
    void wait_for(const StreamMark& mark, Stream stream) override;
    [[nodiscard]] bool has_passed(const StreamMark& mark) override;
    void synchronise(Stream stream) override;

private:
    [[nodiscard]] void* open_own(const SlabHandle& handle, std::uint64_t bytes);
    [[nodiscard]] SlabHandle export_slab(void* data) const;
    void refuse_other_gpu(const void* memory) const;

    const int ordinal_;  ///< of the GPU that this process computes on
    const int owner_;    ///< of the GPU that the slabs are on
    DeviceInfo info_;
    Upload upload_;
};

}  // namespace fastio::gpu
