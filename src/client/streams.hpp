#pragma once

#include <string_view>

#include <fastio/stream.hpp>

#include "device/device_memory.hpp"

namespace fastio::detail {

/// Errors: unsupported where a stream is given and the device is "host", which has none. So that a call refuses it
/// before it does anything.
void refuse_host_stream(std::string_view device, Stream stream, std::string_view call);

inline void refuse_host_stream(const DeviceMemory& device, Stream stream, std::string_view call) {
    refuse_host_stream(device.info().name, stream, call);
}

}  // namespace fastio::detail
