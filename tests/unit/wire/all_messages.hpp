#pragma once

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "wire/socket.hpp"

namespace fastio::test {

/// One message type as a value: tests over all types are compiled once, not once a type.
struct MessageType {
    std::string name;
    wire::Kind kind{};
    std::size_t bytes = 0;
    /// Sends `content` as this type; gives back what stood in the message then, the header filled in.
    std::vector<std::byte> (*send)(wire::Socket& socket, const std::vector<std::byte>& content) = nullptr;
    /// Packet::as of this type.
    std::optional<std::vector<std::byte>> (*read)(const wire::Packet& packet) = nullptr;
};
std::ostream& operator<<(std::ostream& out, const MessageType& type);

/// Every message of the protocol.
[[nodiscard]] const std::vector<MessageType>& all_messages();

}  // namespace fastio::test
