#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wire/socket.hpp"

namespace fastio::test {

/// A line to a helper program: texts of up to 4 KiB, each with up to two descriptors, in order. Blocking.
class Channel {
public:
    struct Message {
        std::string text{};
        std::vector<Descriptor> descriptors{};
    };

    explicit Channel(wire::Socket socket) noexcept : socket_(std::move(socket)) {}
    [[nodiscard]] static std::pair<Channel, Channel> pair();

    /// Throws std::runtime_error when the other side is gone.
    void say(const std::string& text, std::span<const int> descriptors = {});
    /// Throws std::runtime_error when the other side is gone.
    [[nodiscard]] Message hear();
    /// say, then the text that is heard.
    [[nodiscard]] std::string ask(const std::string& text, std::span<const int> descriptors = {});

    [[nodiscard]] int fd() const noexcept { return socket_.fd(); }
    void reset() noexcept { socket_.reset(); }

private:
    wire::Socket socket_;
};

}  // namespace fastio::test
