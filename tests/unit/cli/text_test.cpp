#include "cli/text.hpp"

#include <gtest/gtest.h>

#include "cli/json.hpp"
#include "cli/run_table.hpp"

namespace fastio::cli {
namespace {

using namespace std::chrono_literals;

TEST(Text, bytes_have_a_unit_and_at_most_four_digits) {
    EXPECT_EQ(text_of_bytes(0), "0 B");
    EXPECT_EQ(text_of_bytes(1023), "1023 B");
    EXPECT_EQ(text_of_bytes(1024), "1.0 KiB");
    EXPECT_EQ(text_of_bytes(1536), "1.5 KiB");
    EXPECT_EQ(text_of_bytes(140'772'480), "134 MiB");
    EXPECT_EQ(text_of_bytes((1U << 20) - 1), "1.0 MiB");
    EXPECT_EQ(text_of_bytes(~std::uint64_t{0}), "16.0 EiB");
}

TEST(Text, durations_are_in_the_unit_of_their_length) {
    EXPECT_EQ(text_of_duration(420ms), "0.42 s");
    EXPECT_EQ(text_of_duration(200s), "3 min 20 s");
    EXPECT_EQ(text_of_duration(125min), "2 h 5 min");
}

TEST(Text, control_characters_do_not_reach_the_terminal) {
    EXPECT_EQ(printable("a\x1b[2Jb\nc\x7f"), "a\\x1b[2Jb\\x0ac\\x7f");
    EXPECT_EQ(printable("gr\u00fcn"), "gr\u00fcn");
}

TEST(TextTable, pads_columns_to_their_widest_cell_and_leaves_no_space_at_line_ends) {
    TextTable table({{"name"}, {"size", TextTable::Align::right}, {"note"}});
    table.add({"gr\u00fcn", "12 B", ""});
    table.add({"a", "1 B", "x"});
    EXPECT_EQ(table.str(),
              "name  size  note\n"
              "gr\u00fcn  12 B\n"
              "a      1 B  x\n");
}

class RunTable : public testing::Test {
protected:
    RunTable() {
        pipeline_.operators.resize(2);
        pipeline_.operators[0].name = "load";
        pipeline_.operators[1].name = "smooth";
    }
    std::string table(const std::vector<ProcessEnd>& ends, const std::vector<OperatorInfo>& infos) const {
        return run_table(run_figures(pipeline_, "job", ends, infos));
    }
    Pipeline pipeline_;
};

TEST_F(RunTable, has_a_row_per_operator_in_the_order_of_the_pipeline) {
    EXPECT_EQ(table({{"smooth", {}, 1500ms, {}}, {"load", {}, 250ms, {}}},
                    {{"fastio", 1, 0, 0}, {"load", 1, 2048, 0}, {"smooth", 1, 1 << 20, 0}}),
              "operator  seconds  published  copied\n"
              "load         0.25    2.0 KiB     0 B\n"
              "smooth       1.50    1.0 MiB     0 B\n"
              "0 bytes copied between operators\n");
}

TEST_F(RunTable, adds_up_what_was_copied) {
    const std::string text = table({}, {{"load", 1, 0, 5}, {"smooth", 1, 0, 7}});
    EXPECT_NE(text.find("\n12 bytes copied between operators\n"), std::string::npos) << text;
}

TEST_F(RunTable, shows_operators_that_never_started_or_never_joined) {
    EXPECT_EQ(table({{"load", {}, 250ms, {}}}, {}),
              "operator  seconds  published  copied\n"
              "load         0.25        0 B     0 B\n"
              "smooth          -        0 B     0 B\n"
              "0 bytes copied between operators\n");
}

TEST(OnTerminal, draws_over_what_was_there_and_cuts_off_what_has_no_room) {
    EXPECT_EQ(on_terminal("one\ntwo\n", 0, 0), "\x1b[Hone\x1b[K\ntwo\x1b[K\n\x1b[J");
    EXPECT_EQ(on_terminal("one\ntwo\nthree\n", 3, 0), "\x1b[Hone\x1b[K\ntwo\x1b[K\n\x1b[J");
    EXPECT_EQ(on_terminal("\xC3\xA9t\xC3\xA9s\n\nab", 9, 3), "\x1b[H\xC3\xA9t\xC3\xA9\x1b[K\n\x1b[K\nab\x1b[K\n\x1b[J");
    EXPECT_EQ(on_terminal("one", 1, 1), "\x1b[H\x1b[J");
}

TEST(Dump, escapes_all_that_a_terminal_obeys) {
    const std::string name =
        "a\x1b[2Jb\x7f\xC2\x9B"
        "31m\xC3\xA9";
    const std::string text = dump(Json(name), -1);
    EXPECT_EQ(text, "\"a\\u001b[2Jb\\u007f\\u009b31m\xC3\xA9\"");
    EXPECT_EQ(Json::parse(text), name);
}

TEST_F(RunTable, as_json_tells_exits_signals_and_what_never_started_apart) {
    pipeline_.name = "brain";
    pipeline_.operators.resize(3);
    pipeline_.operators[2].name = "render";
    const RunFigures figures =
        run_figures(pipeline_, "job", {{"smooth", {.signal = 9}, 1500ms, {}}, {"load", {.code = 3}, 250ms, {}}},
                    {{"load", 1, 8, 4}});
    EXPECT_EQ(json_of(figures), Json::parse(R"({"pipeline": "brain", "job": "job", "operators": [
        {"name": "load", "seconds": 0.25, "status": 3, "signal": null, "bytes_published": 8, "bytes_copied": 4},
        {"name": "smooth", "seconds": 1.5, "status": null, "signal": 9, "bytes_published": 0, "bytes_copied": 0},
        {"name": "render", "seconds": null, "status": null, "signal": null, "bytes_published": 0, "bytes_copied": 0}],
        "bytes_copied": 4})"));
}

}  // namespace
}  // namespace fastio::cli
