#pragma once

#include <memory>
#include <string>

#include "device/device_memory.hpp"

namespace fastio::test {

/// A device by the name that tests and their helper programs know it by: "host", "host_behind_forwarding",
/// "host_behind_faults" (without orders), or "cuda" for the first GPU. Throws std::invalid_argument for others.
[[nodiscard]] std::shared_ptr<DeviceMemory> make_test_device(const std::string& name);

}  // namespace fastio::test
