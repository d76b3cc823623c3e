#include "wire/socket.hpp"

namespace fastio::wire {

std::optional<Header> Packet::header() const noexcept {
    if (bytes < sizeof(Header) || bytes > data.size()) {
        return std::nullopt;
    }
    Header header;
    std::memcpy(&header, data.data(), sizeof(Header));
    if (header.magic != kMagic || header.bytes != bytes) {
        return std::nullopt;
    }
    return header;
}

}  // namespace fastio::wire
