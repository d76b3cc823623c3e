#include "compute/cuda_system.hpp"
#include "compute/processor_on.hpp"

namespace brain_mri {
namespace {

__global__ void stand_in() {}

/// What CUDA says of a kernel that it has no code for.
bool means_no_kernel(cudaError_t code) {
    return code == cudaErrorNoKernelImageForDevice || code == cudaErrorUnsupportedPtxVersion ||
           code == cudaErrorInvalidDeviceFunction || code == cudaErrorJitCompilerNotFound;
}

}  // namespace

std::unique_ptr<Processor> make_gpu_processor(int ordinal, std::string& why_not) {
    CudaSystem system(ordinal);
    // One kernel stands for all: they are compiled for the same architectures.
    cudaFuncAttributes attributes{};
    const cudaError_t code = cudaFuncGetAttributes(&attributes, stand_in);
    if (means_no_kernel(code)) {
        static_cast<void>(cudaGetLastError());
        why_not = std::string("no kernel of this program runs on it (CUDA says ") + cudaGetErrorName(code) + ")";
        return nullptr;
    }
    check_cuda(code, "looking up a kernel");
    return std::make_unique<ProcessorOn<CudaSystem>>(std::move(system));
}

}  // namespace brain_mri
