#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/device_memory.hpp"
#include "service/options.hpp"

namespace fastio::service {

/// A running Fast I/O service: one socket, one control thread that decides everything, one worker thread per device for
/// slow calls. It never waits for a client, and at rest nothing wakes it.
///
/// *Thread safety:* run() on one thread; stop() from any thread or signal handler.
class Service {
public:
    /// Takes the lock, makes the socket: from here on clients can connect. Errors: those of Listener, Devices,
    /// MetricsEndpoint, and io_error.
    Service(Options options, std::vector<std::shared_ptr<DeviceMemory>> devices);
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    /// Gives every slab back and removes the socket. Clients that are left see service_lost.
    ~Service();

    /// Serves until stop().
    void run();
    /// Async-signal-safe.
    void stop() noexcept;

    [[nodiscard]] const std::string& socket() const noexcept;
    /// Where the metrics are, with the port that was taken; empty without Options::metrics.
    [[nodiscard]] std::string metrics_address() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace fastio::service
