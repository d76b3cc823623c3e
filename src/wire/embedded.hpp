#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/device_memory.hpp"

namespace fastio::wire {

/// A service running in this process (design P10). Destroying it ends the service; clients that are left see
/// service_lost.
class EmbeddedService {
public:
    virtual ~EmbeddedService() = default;
    /// Where it listens.
    [[nodiscard]] virtual const std::string& socket() const noexcept = 0;
};

/// Starts one. Declared here because client and service meet only in wire and table; defined in src/service. `socket`
/// empty: a private path in a fresh folder of mode 0700 below the runtime folder. `warnings` are for its log, which is
/// standard error. Errors: already_exists (the socket is served), permission_denied, io_error.
[[nodiscard]] std::unique_ptr<EmbeddedService> start_embedded_service(
    const std::string& socket, std::vector<std::shared_ptr<DeviceMemory>> devices,
    const std::vector<std::string>& warnings = {});

}  // namespace fastio::wire
