#include "client/devices.hpp"

#include <algorithm>
#include <cstring>

#include "core/fail.hpp"
#include "device/device_name.hpp"
#include "device/host_memory.hpp"

namespace fastio::detail {

void check_device_available(std::string_view name) {
    const DeviceName device = parse_device_name(name);
    if (device.kind == DeviceName::Kind::cuda_index || device.kind == DeviceName::Kind::cuda_uuid) {
        fail(Errc::device_unavailable,
             "the device '{}' was asked for, but this build of fastio has no CUDA devices: use the device 'host'",
             name);
    }
}

Devices::Devices(const table::TableHeader& header) {
    const std::uint32_t count = std::min(header.device_count, table::kMaxDevices);
    for (std::uint32_t device = 0; device < count; ++device) {
        const char* const name = header.devices[device].name;
        names_.emplace_back(name, ::strnlen(name, sizeof(header.devices[device].name)));
    }
    memories_.resize(names_.size());
}

const std::string& Devices::name(std::uint32_t device) const {
    if (device >= names_.size()) {
        fail(Errc::protocol_error, "the service speaks of device number {} of a context that has {}", device,
             names_.size());
    }
    return names_[device];
}

DeviceMemory& Devices::memory(std::uint32_t device) {
    const std::string& wanted = name(device);
    const std::lock_guard lock(mutex_);
    if (!memories_[device]) {
        check_device_available(wanted);
        memories_[device] = make_host_memory();
    }
    return *memories_[device];
}

}  // namespace fastio::detail
