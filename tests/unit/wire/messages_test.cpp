#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include "all_messages.hpp"

namespace fastio::test {
namespace {

using namespace wire;

/// Every byte of the message set, none like its neighbours.
std::vector<std::byte> filled(std::size_t bytes) {
    std::vector<std::byte> content(bytes);
    for (std::size_t i = 0; i < bytes; ++i) {
        content[i] = static_cast<std::byte>(i * 37 + 11);
    }
    return content;
}

class EveryMessage : public testing::TestWithParam<MessageType> {
protected:
    /// A message of this type with another kind or length in its header, as a packet of that length.
    void put(Kind kind, std::size_t length) {
        const Header header{kMagic, kind, static_cast<std::uint16_t>(length), 5};
        std::memcpy(packet_->data.data(), &header, sizeof(header));
        packet_->bytes = length;
    }

    const std::unique_ptr<Packet> packet_ = std::make_unique<Packet>();
};

TEST_P(EveryMessage, ArrivesAsItWasSent) {
    auto [sender, receiver] = Socket::pair();
    const std::vector<std::byte> content = filled(GetParam().bytes);
    const std::vector<std::byte> sent = GetParam().send(sender, content);
    ASSERT_EQ(sent.size(), content.size());
    EXPECT_TRUE(std::equal(sent.begin() + 8, sent.end(), content.begin() + 8)) << "more than the header was changed";

    ASSERT_EQ(receiver.receive(*packet_), ReceiveResult::received);
    const std::optional<Header> header = packet_->header();
    ASSERT_TRUE(header);
    EXPECT_EQ(header->magic, kMagic);
    EXPECT_EQ(header->kind, GetParam().kind);
    EXPECT_EQ(header->bytes, GetParam().bytes);
    EXPECT_EQ(GetParam().read(*packet_), sent);
}

TEST_P(EveryMessage, IsRefusedAtEveryOtherLength) {
    for (std::size_t length = 0; length <= kMaxMessageBytes; ++length) {
        put(GetParam().kind, length);
        ASSERT_EQ(GetParam().read(*packet_).has_value(), length == GetParam().bytes) << length;
    }
}

TEST_P(EveryMessage, IsRefusedUnderEveryOtherKind) {
    for (unsigned kind = 0; kind <= 0xffff; ++kind) {
        put(static_cast<Kind>(kind), GetParam().bytes);
        ASSERT_EQ(GetParam().read(*packet_).has_value(), static_cast<Kind>(kind) == GetParam().kind) << kind;
    }
}

INSTANTIATE_TEST_SUITE_P(Wire, EveryMessage, testing::ValuesIn(all_messages()),
                         [](const auto& type) { return type.param.name; });

TEST(Messages, NoTwoShareAKind) {
    std::map<Kind, std::string> seen;
    for (const MessageType& type : all_messages()) {
        const auto [place, is_new] = seen.emplace(type.kind, type.name);
        EXPECT_TRUE(is_new) << type.name << " and " << place->second;
    }
}

}  // namespace
}  // namespace fastio::test
