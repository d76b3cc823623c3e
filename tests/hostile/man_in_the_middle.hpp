#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "device/descriptor.hpp"
#include "support/temp_dir.hpp"
#include "wire/socket.hpp"

namespace fastio::test {

/// Stands between one client at a time and a real service, and changes what the service says.
class ManInTheMiddle {
public:
    /// A reply on its way to the client.
    struct Reply {
        std::vector<std::byte> bytes{};
        std::vector<Descriptor> descriptors{};
        bool keep_silent = false;  ///< it never arrives
    };
    explicit ManInTheMiddle(std::string service);
    ManInTheMiddle(const ManInTheMiddle&) = delete;
    ManInTheMiddle& operator=(const ManInTheMiddle&) = delete;
    ~ManInTheMiddle();

    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
    /// What is done to each reply from now on.
    void change(std::function<void(wire::Kind, Reply&)> change) {
        const std::lock_guard lock(mutex_);
        change_ = std::move(change);
    }

private:
    void serve(wire::Socket client);
    void forward(wire::Socket& client, wire::Packet& packet);

    std::string service_;
    TempDir folder_;
    std::string socket_;
    Descriptor listener_;
    std::mutex mutex_;
    std::function<void(wire::Kind, Reply&)> change_;
    std::thread thread_;
};

}  // namespace fastio::test
