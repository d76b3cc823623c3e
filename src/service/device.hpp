#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "service/device_worker.hpp"

namespace fastio::service {

/// One device that the service serves: its memory, how much of it slabs may take, and who makes its slow calls.
struct Device {
    std::shared_ptr<DeviceMemory> memory{};
    std::uint64_t pool_max = 0;
    std::uint64_t reserved = 0;   ///< bytes in slabs of all contexts, those on their way in or out included
    std::uint64_t releasing = 0;  ///< those of `reserved` that are on their way out
    bool lost = false;            ///< its contexts were ended; nothing is asked of it any more
    std::unique_ptr<DeviceWorker> worker{};

    [[nodiscard]] const std::string& name() const noexcept { return memory->info().name; }
    [[nodiscard]] std::uint64_t unreserved() const noexcept { return pool_max > reserved ? pool_max - reserved : 0; }
};

/// The devices of a service, in the order in which a table's header names them.
class Devices {
public:
    /// `pool_max` 0: each device's default. `wake`: as DeviceWorker. Errors: invalid_argument (no device, or more than
    /// a table header holds).
    Devices(std::vector<std::shared_ptr<DeviceMemory>> memories, std::uint64_t pool_max, EventFd& wake);

    /// The index of what a client asked for: "auto" (the first), "host", "cuda:N" or "cuda:UUID". Errors:
    /// device_unavailable, naming what there is; invalid_argument for what names no device at all.
    [[nodiscard]] std::uint32_t find(std::string_view asked) const;
    [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(devices_.size()); }
    [[nodiscard]] Device& operator[](std::uint32_t index) { return devices_[index]; }
    [[nodiscard]] const Device& operator[](std::uint32_t index) const { return devices_[index]; }
    [[nodiscard]] std::vector<DeviceInfo> infos() const;
    [[nodiscard]] std::uint64_t pool_max() const noexcept;
    /// Ends every worker. What the devices are asked from then on they do on the caller's thread.
    void stop_workers();
    /// Releases a slab on the caller's thread; a failure has nobody left to be told to.
    void give_back(std::uint32_t index, OwnedSlab slab) noexcept;

private:
    std::vector<Device> devices_;
};

}  // namespace fastio::service
