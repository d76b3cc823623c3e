#include "client/incoming.hpp"

#include <gtest/gtest.h>

#include "table/layout.hpp"

namespace fastio::detail {
namespace {

using namespace std::string_view_literals;

template <class Message>
wire::Packet packet_of(Message message, std::uint64_t request = 0) {
    message.header = {wire::kMagic, Message::kKind, sizeof(message), request};
    wire::Packet packet;
    std::memcpy(packet.data.data(), &message, sizeof(message));
    packet.bytes = sizeof(message);
    return packet;
}

std::pair<Errc, std::string> refusal(Errc code, std::string_view text) {
    wire::Failure failure;
    failure.code = static_cast<std::int32_t>(code);
    wire::set_text(failure.message, text);
    try {
        throw_failure(failure);
    } catch (const Error& error) {
        return {error.errc(), error.what()};
    }
}

TEST(IncomingTest, ARefusalWhoseTextBeginsWithNulIsAProtocolError) {
    const auto [code, text] = refusal(Errc::not_found, "\0hidden"sv);
    EXPECT_EQ(code, Errc::protocol_error);
    EXPECT_FALSE(text.empty());
}

TEST(IncomingTest, ARefusalEndsWhereItsTextHasANul) {
    EXPECT_EQ(refusal(Errc::not_found, "no\0hidden"sv), std::pair(Errc::not_found, std::string("no")));
}

TEST(IncomingTest, AReplyIsToItsRequestOnly) {
    wire::Packet packet = packet_of(wire::Ok{}, 5);
    EXPECT_EQ(fault_of_reply(packet, 5), ReplyFault::none);
    EXPECT_EQ(fault_of_reply(packet, 6), ReplyFault::other);
    packet.truncated = true;
    EXPECT_EQ(fault_of_reply(packet, 5), ReplyFault::without_descriptors);
    packet.bytes = 3;
    EXPECT_EQ(fault_of_reply(packet, 5), ReplyFault::other);
}

TEST(IncomingTest, AnEventOfAKindThatThereIsNotIsLeftOut) {
    wire::Event event;
    event.type = 0;
    EXPECT_FALSE(to_watch_event(event).has_value());
    event.type = 1000;
    EXPECT_FALSE(to_watch_event(event).has_value());
    event.type = static_cast<std::uint32_t>(WatchEvent::Kind::published);
    event.name.bytes = 9999;
    const auto known = to_watch_event(event);
    ASSERT_TRUE(known.has_value());
    EXPECT_EQ(known->name, "");
}

TEST(IncomingTest, AnEventIsForNoMoreWatchesThanItHasRoomFor) {
    wire::Event event;
    EXPECT_TRUE(watches_of(event).empty());
    event.watch_count = wire::Event::kMaxWatches;
    event.watches[wire::Event::kMaxWatches - 1] = 7;
    EXPECT_EQ(watches_of(event).back(), 7U);
    event.watch_count = 0xffff'ffff;
    EXPECT_EQ(watches_of(event).size(), wire::Event::kMaxWatches);
}

}  // namespace
}  // namespace fastio::detail
