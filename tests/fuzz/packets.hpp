#pragma once

#include "input.hpp"
#include "unit/wire/all_messages.hpp"
#include "wire/socket.hpp"

namespace fastio::fuzz {

/// How the bytes of an input become a packet. Where they are mended, inputs that are nearly messages need not guess a
/// magic number and lengths.
struct PacketShape {
    static constexpr std::uint8_t kMended = 1;     ///< magic and length are right
    static constexpr std::uint8_t kSized = 2;      ///< as long as messages of its kind are, zeros at the end
    static constexpr std::uint8_t kTruncated = 4;  ///< descriptors were lost
    static constexpr unsigned kDescriptorsAt = 6;  ///< two bits: how many came with it
};

/// Fills `packet`; what does not fit is left out.
inline void fill(wire::Packet& packet, std::uint8_t shape, std::span<const std::byte> bytes) {
    std::memset(packet.data.data(), 0, packet.data.size());  // fill() is a loop here, which costs most of an execution
    packet.bytes = std::min(bytes.size(), packet.data.size());
    if (packet.bytes > 0) {
        std::memcpy(packet.data.data(), bytes.data(), packet.bytes);
    }
    packet.truncated = (shape & PacketShape::kTruncated) != 0;
    packet.descriptor_count = std::min<std::size_t>(shape >> PacketShape::kDescriptorsAt, packet.descriptors.size());
    wire::Header header;
    std::memcpy(&header, packet.data.data(), sizeof(header));
    if ((shape & PacketShape::kSized) != 0) {
        for (const test::MessageType& type : test::all_messages()) {
            packet.bytes = type.kind == header.kind ? type.bytes : packet.bytes;
        }
    }
    if ((shape & PacketShape::kMended) != 0) {
        header.magic = wire::kMagic;
        header.bytes = static_cast<std::uint16_t>(packet.bytes);
        std::memcpy(packet.data.data(), &header, sizeof(header));
    }
}

}  // namespace fastio::fuzz
