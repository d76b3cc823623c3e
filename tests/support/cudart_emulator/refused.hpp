#pragma once

#include <cuda_runtime_api.h>

namespace emulator {

/// Thrown by the parts, returned to the caller as the code of the CUDA call.
struct Refused {
    cudaError_t code;
};

[[noreturn]] inline void refuse(cudaError_t code) {
    throw Refused{code};
}

inline void refuse_if(bool condition, cudaError_t code) {
    if (condition) {
        refuse(code);
    }
}

}  // namespace emulator
