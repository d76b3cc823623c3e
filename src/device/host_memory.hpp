#pragma once

#include <memory>

#include "device/device_memory.hpp"

namespace fastio {

/// The device "host": slabs are memfds, sealed in size, mapped read-write by every member of the context. Pages are
/// reserved when the slab is made. It has no streams: a call given one throws `unsupported`.
[[nodiscard]] std::shared_ptr<DeviceMemory> make_host_memory();

}  // namespace fastio
