#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "device/device_memory.hpp"
#include "table/layout.hpp"
#include "wire/embedded.hpp"

namespace fastio::detail {

/// Throws unless this build and this process can use the kind of device that `name` ("auto", "host", "cuda:N",
/// "cuda:UUID") asks for; the service knows which there are. Errors: invalid_argument (no such spelling),
/// device_unavailable (no CUDA in this build, no driver, no GPU).
void check_device_available(std::string_view name);

/// `name` as a service understands it, which numbers its GPUs in an order of its own: "cuda:N" of this process becomes
/// "cuda:UUID". Errors: invalid_argument (no such spelling), device_unavailable (no such GPU).
[[nodiscard]] std::string device_for_service(std::string_view name);

/// Waits until all work of this process on the device is done. False if the device cannot say so; one that is lost has
/// no work any more.
[[nodiscard]] bool wait_until_done(DeviceMemory& device) noexcept;

/// Starts a service in this process for a client that asks for `device`. Where GPUs are left out it says so; not where
/// there are none. Errors: as choose_devices and wire::start_embedded_service.
[[nodiscard]] std::unique_ptr<wire::EmbeddedService> start_service(const std::string& socket,
                                                                   const std::string& device);

/// The devices of a context, as its table numbers them.
///
/// *Thread safety:* every member, from any thread.
class Devices {
public:
    /// `compute` is the one that this client's kernels run on: slabs of other GPUs are opened for it. Errors:
    /// protocol_error (no such number).
    Devices(const table::TableHeader& header, std::uint32_t compute);

    /// "host", or "cuda:N" with N as this process numbers its GPUs, or "cuda:UUID" for one that it does not see.
    /// Errors: protocol_error (no such number).
    [[nodiscard]] const std::string& name(std::uint32_t device) const;
    /// The UUID of the first GPU of the context that this process sees, where it sees GPUs and the one that it computes
    /// on is another's; else empty. Errors: device_unavailable (none is seen here).
    [[nodiscard]] std::string seen_instead() const;
    /// The default factory: makes the device when it is first needed, so that a process without GPUs can join a context
    /// that has some. Errors: device_unavailable, protocol_error.
    [[nodiscard]] DeviceMemory& memory(std::uint32_t device);
    /// The one that this client computes on. Errors: as memory.
    [[nodiscard]] DeviceMemory& compute() { return memory(compute_); }
    /// Whether a device that was needed has streams.
    [[nodiscard]] bool any_has_streams() noexcept;
    /// Waits for all work of this process on the devices that were needed. False if one could not say that it is done.
    [[nodiscard]] bool synchronise() noexcept;

private:
    struct Entry {
        std::string name{};
        std::string uuid{};  // "" for the host
    };
    std::vector<Entry> entries_;
    std::uint32_t compute_;
    std::string compute_uuid_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<DeviceMemory>> memories_;  // parallel to entries_; null until needed
};

}  // namespace fastio::detail
