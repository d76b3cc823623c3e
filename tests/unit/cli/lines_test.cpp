#include "cli/lines.hpp"

#include <gtest/gtest.h>

namespace fastio::cli {
namespace {

std::vector<std::string> lines_of(const std::vector<std::string>& pieces) {
    std::vector<std::string> out;
    Lines lines([&](std::string_view line) { out.emplace_back(line); });
    for (const std::string& piece : pieces) {
        lines.add(piece);
    }
    lines.finish();
    return out;
}

TEST(Lines, the_pieces_that_lines_arrive_in_do_not_matter) {
    const std::string text = "one\n\ntwo words\nthree";
    const std::vector<std::string> expected{"one", "", "two words", "three"};
    EXPECT_EQ(lines_of({text}), expected);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        EXPECT_EQ(lines_of({text.substr(0, cut), text.substr(cut)}), expected) << cut;
    }
    std::vector<std::string> bytes;
    for (const char c : text) {
        bytes.emplace_back(1, c);
    }
    EXPECT_EQ(lines_of(bytes), expected);
}

TEST(Lines, a_newline_at_the_end_makes_no_empty_line) {
    EXPECT_EQ(lines_of({"one\n"}), std::vector<std::string>{"one"});
    EXPECT_EQ(lines_of({}), std::vector<std::string>{});
}

TEST(Lines, a_line_without_end_is_given_in_bounded_pieces) {
    const std::string most(Lines::kMostLineBytes, 'x');
    EXPECT_EQ(lines_of({most + "\n"}), std::vector<std::string>{most});
    EXPECT_EQ(lines_of({most, "y\nz"}), (std::vector<std::string>{most, "y", "z"}));
    EXPECT_EQ(lines_of({most + most + "y"}), (std::vector<std::string>{most, most, "y"}));
}

TEST(Lines, the_last_ones_are_remembered) {
    Lines lines([](std::string_view) {});
    lines.add("1\n2\n3\n4\n5\n6\n7");
    EXPECT_EQ(lines.last(), (std::deque<std::string>{"2", "3", "4", "5", "6"}));
    lines.finish();
    EXPECT_EQ(lines.last().back(), "7");
}

}  // namespace
}  // namespace fastio::cli
