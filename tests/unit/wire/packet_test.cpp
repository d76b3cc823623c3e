#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "wire/socket.hpp"

namespace fastio::test {
namespace {

using namespace wire;

class PacketTest : public testing::Test {
protected:
    void put(const Header& header, std::size_t bytes) {
        std::memcpy(packet_->data.data(), &header, sizeof(header));
        packet_->bytes = bytes;
    }

    const std::unique_ptr<Packet> packet_ = std::make_unique<Packet>();
};

TEST_F(PacketTest, AHeaderIsReadAtEveryLengthFromItsOwnOn) {
    for (std::size_t length = 0; length <= kMaxMessageBytes; ++length) {
        put({kMagic, Kind::ok, static_cast<std::uint16_t>(length), 77}, length);
        const std::optional<Header> header = packet_->header();
        ASSERT_EQ(header.has_value(), length >= sizeof(Header)) << length;
        if (header) {
            EXPECT_EQ(header->request, 77U);
        }
    }
}

TEST_F(PacketTest, AHeaderMustStateTheLengthThatCame) {
    for (std::size_t length = 0; length <= kMaxMessageBytes; ++length) {
        put({kMagic, Kind::ok, 64, 0}, length);
        ASSERT_EQ(packet_->header().has_value(), length == 64) << length;
    }
}

TEST_F(PacketTest, AHeaderMustHaveTheMagicInEveryBit) {
    put({kMagic, Kind::ok, sizeof(Ok), 0}, sizeof(Ok));
    ASSERT_TRUE(packet_->header());
    for (unsigned bit = 0; bit < 32; ++bit) {
        put({kMagic ^ (1U << bit), Kind::ok, sizeof(Ok), 0}, sizeof(Ok));
        EXPECT_FALSE(packet_->header()) << bit;
    }
}

TEST_F(PacketTest, ALengthBeyondTheBufferIsNoHeader) {
    put({kMagic, Kind::ok, kMaxMessageBytes + 8, 0}, kMaxMessageBytes + 8);
    EXPECT_FALSE(packet_->header());
}

TEST_F(PacketTest, WhatWasTruncatedIsNoMessage) {
    put({kMagic, Kind::ok, sizeof(Ok), 0}, sizeof(Ok));
    ASSERT_TRUE(packet_->as<Ok>());
    packet_->truncated = true;
    EXPECT_FALSE(packet_->as<Ok>());
}

TEST(Text, RoundTripsAtEveryLength) {
    for (std::size_t length = 0; length <= 60; ++length) {
        const std::string value(length, 'x');
        ShortText text;
        set_text(text, value);
        EXPECT_EQ(get_text(text), value);
    }
}

TEST(Text, IsCutAtItsCapacity) {
    ShortText text;
    set_text(text, std::string(61, 'x'));
    EXPECT_EQ(get_text(text), std::string(60, 'x'));
}

TEST(Text, KeepsNothingOfWhatItHeldBefore) {
    ShortText text;
    set_text(text, "a longer text than the next");
    set_text(text, "short");
    ShortText fresh;
    set_text(fresh, "short");
    EXPECT_EQ(std::memcmp(&text, &fresh, sizeof(text)), 0);
}

TEST(Text, ALengthOutOfRangeIsNoText) {
    NameText text;
    set_text(text, "name");
    for (const std::uint32_t bytes : {261U, 262U, 0x7fff'ffffU, 0xffff'ffffU}) {
        text.bytes = bytes;
        EXPECT_FALSE(get_text(text)) << bytes;
    }
    text.bytes = 260;
    EXPECT_TRUE(get_text(text));
}

TEST(Text, KeepsNulsForTheCheckOfNames) {
    ShortText text;
    const std::string value("a\0b", 3);
    set_text(text, value);
    EXPECT_EQ(get_text(text), value);
}

}  // namespace
}  // namespace fastio::test
