// Kernels: registered, and never run. cudaErrorNoKernelImageForDevice is what a GPU says for which nothing was
// compiled.

#include <vector_types.h>

#include "support/cudart_emulator/call.hpp"

using emulator::call;
using emulator::Process;
using emulator::refuse;
using Lock = emulator::Streams::Lock;

namespace {

cudaError_t no_image(const char* name) {
    return call(name, [](Process&, Lock&) { refuse(cudaErrorNoKernelImageForDevice); });
}

/// What <<<...>>> pushes and the launch stub pops.
struct Configuration {
    dim3 grid;
    dim3 block;
    std::size_t shared_bytes;
    cudaStream_t stream;
};
thread_local Configuration configuration;

}  // namespace

extern "C" {

cudaError_t CUDARTAPI cudaLaunchKernel(const void*, dim3, dim3, void**, size_t, cudaStream_t) {
    return no_image(__func__);
}
cudaError_t CUDARTAPI cudaLaunchKernelExC(const cudaLaunchConfig_t*, const void*, void**) {
    return no_image(__func__);
}
cudaError_t CUDARTAPI cudaLaunchCooperativeKernel(const void*, dim3, dim3, void**, size_t, cudaStream_t) {
    return no_image(__func__);
}
cudaError_t CUDARTAPI __cudaLaunchKernel(cudaKernel_t, dim3, dim3, void**, size_t, cudaStream_t) {
    return no_image("cudaLaunchKernel");
}
cudaError_t CUDARTAPI cudaFuncGetAttributes(cudaFuncAttributes*, const void*) {
    return no_image(__func__);
}
cudaError_t CUDARTAPI cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) {
    return no_image(__func__);
}
cudaError_t CUDARTAPI cudaFuncSetCacheConfig(const void*, cudaFuncCache) {
    return no_image(__func__);
}
cudaError_t CUDARTAPI cudaOccupancyMaxActiveBlocksPerMultiprocessor(int*, const void*, int, size_t) {
    return no_image(__func__);
}
cudaError_t CUDARTAPI cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int*, const void*, int, size_t, unsigned) {
    return no_image(__func__);
}
cudaError_t CUDARTAPI cudaGetSymbolAddress(void**, const void*) {
    return no_image(__func__);
}
cudaError_t CUDARTAPI cudaGetSymbolSize(size_t*, const void*) {
    return no_image(__func__);
}

// Found, so that the launch is what fails, as on a GPU: launch stubs call nothing else if this fails.
cudaError_t CUDARTAPI __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
    *kernel = static_cast<cudaKernel_t>(const_cast<void*>(function));
    return cudaSuccess;
}

// Before main, in every program with device code, with a driver or without one.
void** CUDARTAPI __cudaRegisterFatBinary(void*) {
    static void* handle = nullptr;
    return &handle;
}
void CUDARTAPI __cudaRegisterFatBinaryEnd(void**) {}
void CUDARTAPI __cudaUnregisterFatBinary(void**) {}
char CUDARTAPI __cudaInitModule(void**) {
    return 1;
}
void CUDARTAPI __cudaRegisterFunction(void**, const char*, char*, const char*, int, uint3*, uint3*, dim3*, dim3*,
                                      int*) {}
void CUDARTAPI __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}
void CUDARTAPI __cudaRegisterManagedVar(void**, void**, char*, const char*, int, size_t, int, int) {}

unsigned CUDARTAPI __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes, CUstream_st* stream) {
    configuration = {grid, block, shared_bytes, stream};
    return 0;
}
cudaError_t CUDARTAPI __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared_bytes, void* stream) {
    *grid = configuration.grid;
    *block = configuration.block;
    *shared_bytes = configuration.shared_bytes;
    *static_cast<cudaStream_t*>(stream) = configuration.stream;
    return cudaSuccess;
}

}  // extern "C"
