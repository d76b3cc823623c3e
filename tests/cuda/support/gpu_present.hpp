#pragma once

#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <string>

namespace fastio::test {

/// Empty where kernels can run on this process's GPU 0, else the reason: no driver, no GPU, or the emulator, which runs
/// none.
[[nodiscard]] inline std::string why_no_kernels() {
    if (::dlsym(RTLD_DEFAULT, "cudaEmuVersion") != nullptr) {
        return "this is the CUDA runtime emulator, which runs no kernels";
    }
    int count = 0;
    const cudaError_t code = cudaGetDeviceCount(&count);
    static_cast<void>(cudaGetLastError());
    if (code != cudaSuccess) {
        return std::string("no GPU: cudaGetDeviceCount says ") + cudaGetErrorName(code);
    }
    return count > 0 ? "" : "no GPU is visible";
}

}  // namespace fastio::test
