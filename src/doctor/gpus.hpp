#pragma once

#include <string>
#include <vector>

#include "doctor/finding.hpp"
#include "gpu/gpus.hpp"

namespace fastio::doctor {

/// CUDA as it was found.
struct CudaFacts {
    gpu::Gpus gpus{};
    gpu::CudaVersions versions{};
    std::string substitute{};       ///< gpu::runtime_substitute()
    std::string visible_devices{};  ///< $CUDA_VISIBLE_DEVICES
};
/// May take seconds: the driver starts.
[[nodiscard]] CudaFacts find_cuda();

/// One finding about CUDA, and one for each GPU. No GPU is a warning: the host's memory is shared all the same.
[[nodiscard]] std::vector<Finding> judge(const CudaFacts& cuda);

/// "CUDA driver 13.0, runtime 13.0".
[[nodiscard]] std::string describe(const gpu::CudaVersions& versions);

}  // namespace fastio::doctor
