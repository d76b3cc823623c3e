#include "service/device.hpp"

#include <algorithm>

#include "core/fail.hpp"
#include "device/device_name.hpp"
#include "table/layout.hpp"

namespace fastio::service {

Devices::Devices(std::vector<std::shared_ptr<DeviceMemory>> memories, std::uint64_t pool_max, EventFd& wake) {
    if (memories.empty() || memories.size() > table::kMaxDevices) {
        fail(Errc::invalid_argument, "a service of {} devices was asked for: give 1 to {}", memories.size(),
             table::kMaxDevices);
    }
    for (auto& memory : memories) {
        Device device;
        device.pool_max = pool_max != 0 ? pool_max : memory->info().default_pool_bytes;
        device.worker = std::make_unique<DeviceWorker>(memory, wake);
        device.memory = std::move(memory);
        devices_.push_back(std::move(device));
    }
}

std::uint32_t Devices::find(std::string_view asked) const {
    const DeviceName name = parse_device_name(asked.empty() ? "auto" : asked);
    std::string names;
    for (std::uint32_t index = 0; index < count(); ++index) {
        const DeviceInfo& info = devices_[index].memory->info();
        if (matches(name, info) && !(name.kind == DeviceName::Kind::automatic && devices_[index].lost)) {
            return index;
        }
        names += (index == 0 ? "" : ", ") + info.name;
    }
    fail(Errc::device_unavailable,
         "the device '{}' is not served here: this service has {}; start fastiod with --device", asked, names);
}

std::vector<DeviceInfo> Devices::infos() const {
    std::vector<DeviceInfo> infos;
    std::transform(devices_.begin(), devices_.end(), std::back_inserter(infos),
                   [](const Device& device) { return device.memory->info(); });
    return infos;
}

std::uint64_t Devices::pool_max() const noexcept {
    std::uint64_t sum = 0;
    for (const Device& device : devices_) {
        sum += device.pool_max;
    }
    return sum;
}

void Devices::stop_workers() {
    for (Device& device : devices_) {
        device.worker.reset();
    }
}

void Devices::give_back(std::uint32_t index, OwnedSlab slab) noexcept {
    try {
        devices_[index].memory->release(std::move(slab));
    } catch (const std::exception&) {  // the process, or its devices, are about to go
        return;
    }
}

}  // namespace fastio::service
