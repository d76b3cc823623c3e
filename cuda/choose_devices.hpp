#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "device/device_memory.hpp"
#include "device/host_memory.hpp"

namespace fastio::gpu {

/// The devices that a service serves.
struct ChosenDevices {
    std::vector<std::shared_ptr<DeviceMemory>> memories{};
    std::vector<std::string> left_out{};  ///< of "auto": a line for each GPU that is not served, why
    std::string why_host{};               ///< one line where "auto" fell back to the host: why there is no GPU
    bool may_have_gpus = false;           ///< in that case: some are left out, or CUDA could not tell
};

/// Makes what the names ask for, in their order: "host", "cuda:N" with N as this process counts, "cuda:UUID". "auto",
/// or no name at all: every GPU that can be shared, else the host. Errors: invalid_argument (no such spelling, one
/// device twice), device_unavailable, device_error.
[[nodiscard]] ChosenDevices choose_devices(std::span<const std::string> names,
                                           HugePages huge_pages = HugePages::at_creation);

}  // namespace fastio::gpu
