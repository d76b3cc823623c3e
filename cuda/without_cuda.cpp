#include "core/fail.hpp"
#include "gpu/gpus.hpp"

namespace fastio::gpu {

const Gpus& list_gpus() {
    // Never destroyed: as the one with CUDA.
    static const Gpus* const none =
        new Gpus{{}, "this build of fastio has no CUDA: configure with -DFASTIO_WITH_CUDA=ON"};
    return *none;
}

std::shared_ptr<DeviceMemory> make_cuda_memory(std::string_view uuid, std::string_view /*compute*/) {
    fail(Errc::device_unavailable,
         "the GPU '{}' was asked for, but this build of fastio has no CUDA: use the device 'host', or configure with "
         "-DFASTIO_WITH_CUDA=ON",
         uuid);
}

CudaVersions cuda_versions() noexcept {
    return {};
}

std::string runtime_substitute() {
    return {};
}

}  // namespace fastio::gpu
