#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "device/device_memory.hpp"

namespace fastio {

/// A device as users write it, taken apart.
struct DeviceName {
    enum class Kind : std::uint8_t {
        automatic,   ///< "auto"
        host,        ///< "host"
        cuda_index,  ///< "cuda:N"
        cuda_uuid,   ///< "cuda:UUID"
    };
    Kind kind = Kind::automatic;
    std::uint32_t index = 0;  ///< for cuda_index
    std::string uuid{};       ///< for cuda_uuid: as DeviceInfo::uuid, "GPU-" or "MIG-" and lower-case digits

    friend bool operator==(const DeviceName&, const DeviceName&) = default;
};

/// Reads "auto", "host", "cuda:N", or "cuda:" and a UUID with or without its "GPU-" ("MIG-" must be written). Errors:
/// invalid_argument.
[[nodiscard]] DeviceName parse_device_name(std::string_view text);

/// True if `name` means this device. "auto" means every one.
[[nodiscard]] bool matches(const DeviceName& name, const DeviceInfo& device);

}  // namespace fastio
