#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <set>

#include "all_messages.hpp"
#include "wire/socket.hpp"

namespace fastio::test {
namespace {

using namespace wire;

template <class Message>
using Bytes = std::array<std::byte, sizeof(Message)>;

template <class Message>
Bytes<Message> bytes_of(const Message& message) {
    Bytes<Message> bytes;
    std::memcpy(bytes.data(), &message, sizeof(Message));
    return bytes;
}

/// Every byte of the message set, none like its neighbours.
template <class Message>
Message filled() {
    Bytes<Message> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(i * 37 + 11);
    }
    Message message;
    std::memcpy(&message, bytes.data(), sizeof(Message));
    return message;
}

template <class Message>
class EveryMessage : public testing::Test {};
TYPED_TEST_SUITE(EveryMessage, AllMessages);

TYPED_TEST(EveryMessage, ArrivesAsItWasSent) {
    auto [sender, receiver] = Socket::pair();
    auto message = filled<TypeParam>();
    ASSERT_EQ(sender.send(message), SendResult::sent);
    EXPECT_EQ(message.header.magic, kMagic);
    EXPECT_EQ(message.header.kind, TypeParam::kKind);
    EXPECT_EQ(message.header.bytes, sizeof(TypeParam));

    const auto packet = std::make_unique<Packet>();
    ASSERT_EQ(receiver.receive(*packet), ReceiveResult::received);
    const std::optional<TypeParam> received = packet->as<TypeParam>();
    ASSERT_TRUE(received);
    EXPECT_EQ(bytes_of(*received), bytes_of(message));
}

TYPED_TEST(EveryMessage, IsRefusedAtEveryOtherLength) {
    const auto packet = std::make_unique<Packet>();
    TypeParam message = filled<TypeParam>();
    message.header.magic = kMagic;
    message.header.kind = TypeParam::kKind;
    std::size_t accepted = 0;
    for (std::size_t length = 0; length <= kMaxMessageBytes; ++length) {
        message.header.bytes = static_cast<std::uint16_t>(length);
        std::memcpy(packet->data.data(), &message, sizeof(message));
        packet->bytes = length;
        accepted += packet->as<TypeParam>().has_value() ? 1U : 0U;
        EXPECT_EQ(packet->as<TypeParam>().has_value(), length == sizeof(TypeParam)) << length;
    }
    EXPECT_EQ(accepted, 1U);
}

TYPED_TEST(EveryMessage, IsRefusedUnderEveryOtherKind) {
    const auto packet = std::make_unique<Packet>();
    TypeParam message = filled<TypeParam>();
    message.header.magic = kMagic;
    message.header.bytes = sizeof(message);
    packet->bytes = sizeof(message);
    for (unsigned kind = 0; kind <= 0xffff; ++kind) {
        message.header.kind = static_cast<Kind>(kind);
        std::memcpy(packet->data.data(), &message, sizeof(message));
        ASSERT_EQ(packet->as<TypeParam>().has_value(), message.header.kind == TypeParam::kKind) << kind;
    }
}

template <class... Message>
std::multiset<std::uint16_t> kinds_of(testing::internal::ProxyTypeList<Message...>) {
    return {static_cast<std::uint16_t>(Message::kKind)...};
}

TEST(Messages, NoTwoShareAKind) {
    const auto kinds = kinds_of(AllMessages{});
    EXPECT_EQ(std::set<std::uint16_t>(kinds.begin(), kinds.end()).size(), kinds.size());
}

}  // namespace
}  // namespace fastio::test
