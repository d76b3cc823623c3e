#pragma once

#include <memory>
#include <string>
#include <thread>

#include "device/device_memory.hpp"
#include "service/service.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {

/// A service on a thread of this process, with the options and the device of a test.
class RunningService {
public:
    /// `options.socket` empty: a path in a folder of its own. `device` empty: the host.
    explicit RunningService(service::Options options = {}, std::shared_ptr<DeviceMemory> device = {});
    RunningService(const RunningService&) = delete;
    RunningService& operator=(const RunningService&) = delete;
    ~RunningService();

    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
    /// What happens to clients when a service dies: their sockets end.
    void stop();

private:
    TempDir folder_;
    std::string socket_;
    std::unique_ptr<service::Service> service_;
    std::thread thread_;
};

}  // namespace fastio::test
