#pragma once

#include <string_view>

#include <fastio/stream.hpp>

#include "device/device_memory.hpp"

namespace fastio::detail {

/// Errors: unsupported where a stream is given and the device is "host", which has none. So that a call refuses it
/// before it does anything.
void refuse_host_stream(std::string_view device, Stream stream, std::string_view call);

/// The same, and refuses a stream that is being captured. Errors: unsupported, device_error.
inline void check_stream(DeviceMemory& device, Stream stream, std::string_view call) {
    if (stream) [[unlikely]] {
        refuse_host_stream(device.info().name, stream, call);
        device.check_stream(stream);
    }
}

/// Errors: device_error, device_unavailable where the device was lost to this process.
inline void check_not_lost(const DeviceMemory& device, std::string_view call) {
    if (device.is_lost()) [[unlikely]] {
        device.fail_lost(call);
    }
}

/// Whether kernels may still use memory of this device when a call that was given no stream returns.
[[nodiscard]] inline bool has_streams(const DeviceMemory& device) noexcept {
    return device.info().stream_order != StreamOrder::no_streams;
}

}  // namespace fastio::detail
