#pragma once

#include <cstdint>
#include <memory>

#include "device/device_memory.hpp"

namespace fastio {

/// When a slab of the host gets huge pages (docs/decisions/0013-huge-pages.md), which the kernel may refuse.
enum class HugePages : std::uint8_t {
    at_creation,  ///< when it is made; what the kernel does not give then, as when_idle
    when_idle,    ///< afterwards, by improve()
    never,
};

/// The device "host": slabs are memfds, sealed in size, mapped read-write by every member of the context. Pages are
/// reserved when the slab is made. It has no streams: a call given one throws `unsupported`.
[[nodiscard]] std::shared_ptr<DeviceMemory> make_host_memory(HugePages huge_pages = HugePages::at_creation);

}  // namespace fastio
