#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "device/descriptor.hpp"

namespace fastio::test {

/// A connection to "127.0.0.1:PORT" or "[::1]:PORT" that sends what a test wants. Failures of the operating system
/// throw std::system_error.
class TcpClient {
public:
    explicit TcpClient(std::string_view address);

    void send(std::string_view bytes) const;
    /// Ends what is sent; what comes can still be received.
    void finish() const;
    /// All that comes until the other side ends. Blocks until then; a reset counts as an end.
    [[nodiscard]] std::string receive_all() const;
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

private:
    Descriptor socket_;
};

/// A response, taken apart.
struct HttpResponse {
    int status = 0;
    std::string head{};
    std::string body{};
};
[[nodiscard]] HttpResponse parse_response(std::string_view text);
/// One request on a connection of its own, and what came of it.
[[nodiscard]] HttpResponse ask_http(std::string_view address, std::string_view method, std::string_view path);

/// Whether this machine has the address ::1.
[[nodiscard]] bool has_ipv6();

}  // namespace fastio::test
