#include "core/names.hpp"

#include <gtest/gtest.h>

#include "core/utf8.hpp"
#include "errc_of.hpp"

namespace fastio {
namespace {

using namespace std::string_literals;

struct Case {
    const char* title;
    std::string name;
};

void PrintTo(const Case& c, std::ostream* out) {
    *out << c.title;
}

/// check_name throws exactly for what is_valid_name refuses.
bool agreed_validity(std::string_view name) {
    const bool valid = is_valid_name(name);
    EXPECT_EQ(errc_of([&] { check_name(name); }), valid ? std::nullopt : std::optional(Errc::invalid_argument));
    return valid;
}

class GoodName : public testing::TestWithParam<Case> {};
TEST_P(GoodName, IsAccepted) {
    EXPECT_TRUE(agreed_validity(GetParam().name));
}

INSTANTIATE_TEST_SUITE_P(Names, GoodName,
                         testing::Values(Case{"one_byte", "a"}, Case{"longest", std::string(255, 'x')},
                                         Case{"hierarchy", "patient/7/volume"}, Case{"only_slash", "/"},
                                         Case{"space_and_controls", " \t\n\x7F"}, Case{"lowest_two_bytes", "\xC2\x80"},
                                         Case{"highest_two_bytes", "\xDF\xBF"},
                                         Case{"lowest_three_bytes", "\xE0\xA0\x80"},
                                         Case{"below_surrogates", "\xED\x9F\xBF"},
                                         Case{"above_surrogates", "\xEE\x80\x80"}, Case{"noncharacter", "\xEF\xBF\xBF"},
                                         Case{"lowest_four_bytes", "\xF0\x90\x80\x80"},
                                         Case{"highest_code_point", "\xF4\x8F\xBF\xBF"},
                                         Case{"longest_of_three_byte_letters",
                                              [] {
                                                  std::string name;
                                                  while (name.size() < 255) {
                                                      name += "\xE2\x82\xAC";
                                                  }
                                                  return name;
                                              }()}),
                         [](const auto& tested) { return std::string(tested.param.title); });

class BadName : public testing::TestWithParam<Case> {};
TEST_P(BadName, IsRefused) {
    EXPECT_FALSE(agreed_validity(GetParam().name));
}

INSTANTIATE_TEST_SUITE_P(
    Names, BadName,
    testing::Values(Case{"empty", ""}, Case{"too_long", std::string(256, 'x')}, Case{"nul_alone", "\0"s},
                    Case{"nul_inside", "a\0b"s}, Case{"nul_at_end", "a\0"s}, Case{"lone_continuation", "\x80"},
                    Case{"last_continuation", "a\xBF"}, Case{"overlong_nul", "\xC0\x80"},
                    Case{"overlong_slash", "\xC0\xAF"}, Case{"overlong_two_bytes", "\xC1\xBF"},
                    Case{"overlong_three_bytes", "\xE0\x9F\xBF"}, Case{"overlong_four_bytes", "\xF0\x8F\xBF\xBF"},
                    Case{"first_surrogate", "\xED\xA0\x80"}, Case{"last_surrogate", "\xED\xBF\xBF"},
                    Case{"surrogate_pair", "\xED\xA0\xBD\xED\xB8\x80"}, Case{"above_the_highest", "\xF4\x90\x80\x80"},
                    Case{"lead_f5", "\xF5\x80\x80\x80"}, Case{"lead_ff", "\xFF"}, Case{"lead_fe", "\xFE\x80"},
                    Case{"truncated_two", "\xC3"}, Case{"truncated_three", "\xE2\x82"},
                    Case{"truncated_four", "\xF0\x9F\x98"}, Case{"interrupted_three", "\xE2\x41\x80"},
                    Case{"bad_third_byte", "\xE2\x82\x41"}, Case{"bad_fourth_byte", "\xF0\x9F\x98\xC0"},
                    Case{"latin1", "caf\xE9"}),
    [](const auto& tested) { return std::string(tested.param.title); });

TEST(IsText, AgreesWithADecoderOnEveryThreeByteSequence) {
    // The decoder: take the bits, then ask whether the code point's own encoding is what was read.
    const auto decodes = [](std::uint32_t a, std::uint32_t b, std::uint32_t c) {
        const bool shaped = (a & 0xF0) == 0xE0 && (b & 0xC0) == 0x80 && (c & 0xC0) == 0x80;
        const std::uint32_t point = ((a & 0x0F) << 12) | ((b & 0x3F) << 6) | (c & 0x3F);
        return shaped && point >= 0x800 && (point < 0xD800 || point > 0xDFFF);
    };
    for (std::uint32_t a = 0xE0; a <= 0xEF; ++a) {
        for (std::uint32_t b = 0; b <= 0xFF; ++b) {
            for (const std::uint32_t c : {0x00U, 0x7FU, 0x80U, 0xBFU, 0xC0U, 0xFFU}) {
                const char bytes[] = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)};
                ASSERT_EQ(is_text({bytes, 3}), decodes(a, b, c)) << std::hex << a << ' ' << b << ' ' << c;
            }
        }
    }
}

TEST(IsText, TakesEmptyText) {
    EXPECT_TRUE(is_text(""));
}

TEST(QuotedText, EscapesWhatIsNoTextAndNothingElse) {
    EXPECT_EQ(quoted_text("plain"), "\"plain\"");
    EXPECT_EQ(quoted_text("caf\xC3\xA9"), "\"caf\xC3\xA9\"");
    EXPECT_EQ(quoted_text("caf\xC3"), "\"caf\\xc3\"");
    EXPECT_EQ(quoted_text("a\0b\n\"\\"s), "\"a\\x00b\\x0a\\\"\\\\\"");
}

TEST(Printable, EscapesControlCharactersAndWhatIsNoCharacter) {
    EXPECT_EQ(printable(""), "");
    EXPECT_EQ(printable("a\"b\\c"), "a\"b\\c");
    EXPECT_EQ(printable("a\x1b[2Jb\nc\x7F\0d"s), "a\\x1b[2Jb\\x0ac\\x7f\\x00d");
    EXPECT_EQ(printable("caf\xC3\xA9 \xC2\x80\xC2\x9F\xC2\xA0"), "caf\xC3\xA9 \\xc2\\x80\\xc2\\x9f\xC2\xA0");
    EXPECT_EQ(printable("caf\xC3\xA9\xC3"), "caf\xC3\xA9\\xc3");
    EXPECT_EQ(printable("\x9B\xED\xA0\x80\xF0\x9F\x98\x80"), "\\x9b\\xed\\xa0\\x80\xF0\x9F\x98\x80");
}

TEST(QuotedText, TakesEveryStartOfACharacter) {
    for (int first = 0x80; first <= 0xFF; ++first) {
        for (int second = 0; second <= 0xFF; ++second) {
            for (std::size_t before = 0; before < 5; ++before) {
                const std::string bytes =
                    std::string(before, 'x') + static_cast<char>(first) + static_cast<char>(second);
                EXPECT_GE(quoted_text(bytes).size(), bytes.size() + 2);
                EXPECT_EQ(message_of([&] { check_name("\xFF" + bytes); }).find('\xFF'), std::string::npos);
            }
        }
    }
}

TEST(CheckName, NamesTheThingAndTheNumbers) {
    const std::string message = message_of([] { check_name(std::string(300, 'x'), "job"); });
    EXPECT_NE(message.find("job"), std::string::npos);
    EXPECT_NE(message.find("300"), std::string::npos);
    EXPECT_NE(message.find("255"), std::string::npos);
}

TEST(CheckName, MessageIsPrintableWhateverTheNameHolds) {
    for (const std::string& name : {"a\0b"s, "\xFF\x01"s, std::string(300, '\xFF'), "\n\xC0"s, "\xE2"s, "ab\xF0\x9F"s,
                                    std::string(31, 'x') + "\xC3" + std::string(300, '\xA9')}) {
        for (const char c : message_of([&] { check_name(name); })) {
            EXPECT_TRUE(c >= ' ' && c <= '~');
        }
    }
}

}  // namespace
}  // namespace fastio
