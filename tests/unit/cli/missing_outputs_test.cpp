#include "cli/missing_outputs.hpp"

#include <gtest/gtest.h>

namespace fastio::cli {
namespace {

class MissingOutputsTest : public testing::Test {
protected:
    [[nodiscard]] std::string found(const std::set<std::string>& ended_well,
                                    const std::set<std::string>& ended_badly = {}) const {
        std::set<std::string> ended = ended_well;
        ended.insert(ended_badly.begin(), ended_badly.end());
        const auto missing = missing_.find(ended_well, ended);
        return missing ? missing->producer + " " + missing->name + " " + missing->consumer : "";
    }

    MissingOutputs missing_{
        parse_pipeline("name: p\noperators:\n"
                       "- {name: src, command: [x], outputs: [a, b, {name: f, path: f.png}]}\n"
                       "- {name: mid, command: [x], inputs: [a], outputs: [c]}\n"
                       "- {name: end, command: [x], inputs: [b, c]}\n",
                       "p.yaml")};
};

TEST_F(MissingOutputsTest, AreNoneWhileTheProducerRunsOrHasFailed) {
    EXPECT_EQ(found({}), "");
    EXPECT_EQ(found({}, {"src"}), "");
}

TEST_F(MissingOutputsTest, AreThoseThatAnotherOneStillWaitsFor) {
    EXPECT_EQ(found({"src"}), "src a mid");
    missing_.saw("a");
    EXPECT_EQ(found({"src"}), "src b end");
    EXPECT_EQ(found({"src"}, {"end"}), "");
    missing_.saw("b");
    EXPECT_EQ(found({"src"}), "");
    EXPECT_EQ(found({"src", "mid"}), "mid c end");
}

TEST_F(MissingOutputsTest, AreNotThoseBelowWhoseNameSomethingWasPublished) {
    missing_.saw("a/1/left");
    EXPECT_EQ(found({"src"}), "src b end");
    missing_.saw("bb/1");
    missing_.saw("");
    EXPECT_EQ(found({"src"}), "src b end");
    missing_.saw("b/1");
    EXPECT_EQ(found({"src"}), "");
}

TEST_F(MissingOutputsTest, AreNoneWhereEventsWereLost) {
    missing_.lose_track();
    EXPECT_EQ(found({"src", "mid"}), "");
}

}  // namespace
}  // namespace fastio::cli
