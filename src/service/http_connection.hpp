#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "device/descriptor.hpp"
#include "service/http.hpp"

namespace fastio::service {

/// The service's side of one HTTP connection: a request is read, answered, and then the connection ends. Never waits.
///
/// What a client can make it keep is bounded: http::kMostHeadBytes, and one response. It knows no time: a client that
/// sends nothing, or takes nothing, is for the owner to end.
class HttpConnection {
public:
    /// The response to a request whose head is complete or will never be.
    using Answer = std::function<std::string(const http::Head&)>;
    enum class Next { read, write, end };  ///< what step waits for

    /// A non-blocking stream socket.
    explicit HttpConnection(Descriptor socket) noexcept : socket_(std::move(socket)) {}

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    /// One read or one write, once the socket is ready for what was waited for. Errors: those of `answer`.
    [[nodiscard]] Next step(const Answer& answer);

private:
    enum class Stage : std::uint8_t { reading, writing, leaving };

    Next read(const Answer& answer);
    Next write() noexcept;
    Next leave() noexcept;

    Descriptor socket_;
    Stage stage_ = Stage::reading;
    std::string received_{};
    std::string response_{};
    std::size_t sent_ = 0;
    std::size_t ignored_ = 0;
};

}  // namespace fastio::service
