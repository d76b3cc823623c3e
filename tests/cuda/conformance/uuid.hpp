#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace fastio::conformance {

/// The UUID of a device of this process, as hexadecimal digits.
[[nodiscard]] cudaError_t device_uuid(int ordinal, std::string& uuid);

}  // namespace fastio::conformance
