#pragma once

#include <functional>
#include <string>
#include <thread>

#include "device/descriptor.hpp"
#include "support/temp_dir.hpp"
#include "wire/socket.hpp"

namespace fastio::test {

/// Listens as a service does and answers the first client with whatever a test wants.
class FakeService {
public:
    /// `answer` gets the accepted connection and the client's hello; the connection ends when it returns.
    explicit FakeService(std::function<void(wire::Socket&, const wire::Hello&)> answer);
    FakeService(const FakeService&) = delete;
    FakeService& operator=(const FakeService&) = delete;
    ~FakeService();

    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }

private:
    TempDir folder_;
    std::string socket_;
    Descriptor listener_;
    std::thread thread_;
};

/// A listening socket at `path`. Throws std::system_error.
[[nodiscard]] Descriptor listen_at(const std::string& path);

/// The reply that the real service would send.
[[nodiscard]] wire::HelloReply matching_reply(const wire::Hello& hello);

/// Sends `reply` with a descriptor, as a hello's reply has one.
void send_reply(wire::Socket& socket, wire::HelloReply& reply);

}  // namespace fastio::test
