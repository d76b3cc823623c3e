#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "device/device_memory.hpp"
#include "table/layout.hpp"

namespace fastio::detail {

/// Throws unless this build and this process can use the device that `name` ("auto", "host", "cuda:N", "cuda:UUID")
/// asks for. Errors: invalid_argument (no such spelling), device_unavailable.
void check_device_available(std::string_view name);

/// The devices of a context, as its table numbers them.
///
/// *Thread safety:* every member, from any thread.
class Devices {
public:
    explicit Devices(const table::TableHeader& header);

    /// "host" or "cuda:N". Errors: protocol_error (no such number).
    [[nodiscard]] const std::string& name(std::uint32_t device) const;
    /// The default factory: makes the device when it is first needed, so that a process without GPUs can join a context
    /// that has some. Errors: device_unavailable, protocol_error.
    [[nodiscard]] DeviceMemory& memory(std::uint32_t device);

private:
    std::vector<std::string> names_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<DeviceMemory>> memories_;  // parallel to names_; null until needed
};

}  // namespace fastio::detail
