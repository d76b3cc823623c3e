#include "core/attributes.hpp"

#include <gtest/gtest.h>

#include <random>

#include "core/limits.hpp"
#include "errc_of.hpp"

namespace fastio {
namespace {

using namespace std::string_literals;

const Attributes kSample = {{"spacing-mm", "0.5 0.5 1.0"}, {"note", ""}, {"größe", "日本"}};

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}

std::optional<Errc> decoding(std::span<const std::byte> bytes) {
    return errc_of([&] { (void)decode_attributes(bytes); });
}

TEST(Attributes, RoundTrip) {
    EXPECT_EQ(decode_attributes(encode_attributes(kSample)), kSample);
}

TEST(Attributes, NoneTakeNoBytes) {
    EXPECT_TRUE(encode_attributes({}).empty());
    EXPECT_TRUE(decode_attributes({}).empty());
}

TEST(Attributes, AreEncodedInKeyOrderWithLittleEndianLengths) {
    const Attributes attributes = {{"b", std::string(258, 'v')}, {"a", "x"}};
    EXPECT_EQ(encode_attributes(attributes),
              bytes_of("\x01\0\x01\0ax"s + "\x01\0\x02\x01"s + "b" + std::string(258, 'v')));
}

TEST(Attributes, FillTheLimitExactly) {
    const Attributes one = {{"k", std::string(kMaxAttributeBytes - 5, 'v')}};
    EXPECT_EQ(encode_attributes(one).size(), kMaxAttributeBytes);
    EXPECT_EQ(decode_attributes(encode_attributes(one)), one);

    Attributes many;
    for (int i = 0; i < 512; ++i) {
        const char key[] = {static_cast<char>('A' + i / 26), static_cast<char>('a' + i % 26)};
        many.emplace(std::string(key, 2), "vv");
    }
    EXPECT_EQ(encode_attributes(many).size(), kMaxAttributeBytes);
    EXPECT_EQ(decode_attributes(encode_attributes(many)), many);
}

TEST(Attributes, OverTheLimitAreRefusedWithTheNumbers) {
    const Attributes attributes = {{"k", std::string(kMaxAttributeBytes - 4, 'v')}};
    EXPECT_EQ(errc_of([&] { (void)encode_attributes(attributes); }), Errc::invalid_argument);
    const std::string message = message_of([&] { (void)encode_attributes(attributes); });
    EXPECT_NE(message.find("4097"), std::string::npos) << message;
    EXPECT_NE(message.find("4096"), std::string::npos) << message;
}

TEST(Attributes, HugeOnesAreRefused) {
    EXPECT_EQ(errc_of([] { (void)encode_attributes({{"k", std::string(70'000, 'v')}}); }), Errc::invalid_argument);
}

TEST(Attributes, WithAnEmptyKeyNulOrBadUtf8AreRefused) {
    for (const Attributes& bad : {Attributes{{"", "v"}}, Attributes{{"a\0"s, "v"}}, Attributes{{"a", "\0"s}},
                                  Attributes{{"\xC0\x80", "v"}}, Attributes{{"a", "\xED\xA0\x80"}}}) {
        EXPECT_EQ(errc_of([&] { (void)encode_attributes(bad); }), Errc::invalid_argument) << bad.begin()->first;
    }
}

TEST(DecodeAttributes, RefusesEveryTruncationThatIsNotAWholeNumberOfPairs) {
    const auto bytes = encode_attributes(kSample);
    int whole = 0;
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        // A copy of exactly that length, so that the address sanitizer sees a read past the end.
        const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
        const auto error = decoding(part);
        if (error) {
            EXPECT_EQ(error, Errc::corrupt_input) << length;
        } else {
            EXPECT_EQ(encode_attributes(decode_attributes(part)), part) << length;
            ++whole;
        }
    }
    EXPECT_EQ(whole, 4);  // none, one, two and three pairs
}

TEST(DecodeAttributes, RefusesTrailingBytes) {
    auto bytes = encode_attributes(kSample);
    for (int extra = 1; extra <= 4; ++extra) {
        bytes.push_back(std::byte{0});
        EXPECT_EQ(decoding(bytes), Errc::corrupt_input) << extra;
    }
}

TEST(DecodeAttributes, RefusesMoreThanTheLimit) {
    auto bytes = encode_attributes({{"k", std::string(kMaxAttributeBytes - 5, 'v')}});
    bytes.push_back(std::byte{'v'});
    bytes[2] = static_cast<std::byte>(std::to_integer<int>(bytes[2]) + 1);
    EXPECT_EQ(decoding(bytes), Errc::corrupt_input);
}

TEST(DecodeAttributes, RefusesEmptyKeysNulAndBadUtf8) {
    EXPECT_EQ(decoding(bytes_of("\0\0\x01\0v"s)), Errc::corrupt_input);
    EXPECT_EQ(decoding(bytes_of("\x01\0\x01\0\0v"s)), Errc::corrupt_input);
    EXPECT_EQ(decoding(bytes_of("\x01\0\x01\0k\0"s)), Errc::corrupt_input);
    EXPECT_EQ(decoding(bytes_of("\x01\0\x01\0\xFFv"s)), Errc::corrupt_input);
    EXPECT_EQ(decoding(bytes_of("\x01\0\x01\0k\xC3"s)), Errc::corrupt_input);
}

TEST(DecodeAttributes, RefusesAKeyTwiceOrOutOfOrder) {
    EXPECT_EQ(decoding(bytes_of("\x01\0\0\0a\x01\0\0\0b"s)), std::nullopt);
    EXPECT_EQ(decoding(bytes_of("\x01\0\0\0a\x01\0\0\0a"s)), Errc::corrupt_input);
    EXPECT_EQ(decoding(bytes_of("\x01\0\0\0b\x01\0\0\0a"s)), Errc::corrupt_input);
}

TEST(DecodeAttributes, TakesOnlyWhatTheEncoderWrites) {
    // Any bytes either fail as corrupt or are exactly the encoding of what they decode to.
    std::mt19937_64 random(20'240'601);
    const auto original = encode_attributes(kSample);
    int accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        auto bytes = original;
        bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        if (const auto error = decoding(bytes)) {
            ASSERT_EQ(error, Errc::corrupt_input);
        } else {
            ASSERT_EQ(encode_attributes(decode_attributes(bytes)), bytes);
            ++accepted;
        }
    }
    EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace fastio
