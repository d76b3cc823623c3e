// The suite on the emulator: it keeps what it claims, and where its switches make it break a rule the suite says so.
#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <ostream>

#include "suite_run.hpp"
#include "support/temp_dir.hpp"
#include "support/watchdog.hpp"

namespace fastio::conformance {
namespace {

bool has_answer(const std::string& file, const std::string& rule) {
    std::ifstream stream(file);
    const std::string all{std::istreambuf_iterator<char>(stream), {}};
    return all.find("\"rule\":\"" + rule + "\"") != std::string::npos;
}

constexpr test::ExitStatus kKept{0, 0};
constexpr test::ExitStatus kDiffers{1, 0};

TEST(CudaConformance, TheEmulatorKeepsAllThatItClaims) {
    const SuiteRun run = SuiteRun::of({"--strict"});
    EXPECT_EQ(run.status, kKept) << run.said;
    std::size_t matches = 0;
    for (const Line& line : run.lines) {
        EXPECT_EQ(line.library, "emulator") << to_string(line);
        EXPECT_TRUE(line.verdict == "matches" || line.verdict == "skipped") << to_string(line);
        EXPECT_NE(line.got, "") << to_string(line);
        matches += line.verdict == "matches" ? 1 : 0;
    }
    EXPECT_GE(matches, 80U) << "what the emulator models is asked";
}

TEST(CudaConformance, ADifferenceFromWhatIsTestedFailsEveryRun) {
    const SuiteRun run = SuiteRun::of({"--rule", "13"}, {{"FASTIO_EMU_FAIL", "cudaIpcOpenMemHandle:400:1:forever"}});
    EXPECT_EQ(run.status, kDiffers);
    EXPECT_EQ(run.answer(), "differs: 400");
    EXPECT_NE(run.said.find("rule 13 differs"), std::string::npos) << run.said;
}

TEST(CudaConformance, ADifferenceFromWhatIsDocumentedFailsEveryRun) {
    const SuiteRun run = SuiteRun::of({"--rule", "29"}, {{"FASTIO_EMU_FAIL", "cudaIpcCloseMemHandle:801:1"}});
    EXPECT_EQ(run.status, kDiffers);
    EXPECT_EQ(run.answer(), "differs: 801, owner 0 42, other importer 0 42");
}

struct Switch {
    const char* name;
    const char* value;
    const char* rule;
    const char* answer;
};

std::ostream& operator<<(std::ostream& out, const Switch& one) {
    return out << one.name << "=" << one.value;
}

/// Rules that are not certain, and what a switch makes of them.
class OtherOutcome : public ::testing::TestWithParam<Switch> {};

TEST_P(OtherOutcome, IsSeenAndFailsAStrictRunOnly) {
    const auto& [name, value, rule, answer] = GetParam();
    const std::map<std::string, std::string> environment{{name, value}};
    const SuiteRun strict = SuiteRun::of({"--strict", "--rule", rule}, environment);
    EXPECT_EQ(strict.answer(), answer);
    EXPECT_EQ(strict.status, kDiffers);
    EXPECT_EQ(SuiteRun::of({"--rule", rule}, environment).status, kKept);
}

INSTANTIATE_TEST_SUITE_P(CudaConformance, OtherOutcome,
                         ::testing::Values(Switch{"FASTIO_EMU_ALREADY_MAPPED", "1", "19a", "differs: 208"},
                                           Switch{"FASTIO_EMU_OTHER_FLAGS", "801", "14b", "differs: 801"},
                                           Switch{"FASTIO_EMU_IMPORTED_EXPORT", "801", "12", "differs: 801"},
                                           Switch{"FASTIO_EMU_DEAD_EXPORTER", "400", "36a", "differs: 400"},
                                           Switch{"FASTIO_EMU_FREE_POISONS_IMPORTERS", "1", "34a", "differs: 700"},
                                           Switch{"FASTIO_EMU_DEATH_POISONS_IMPORTERS", "1", "35a", "differs: 700"},
                                           Switch{"FASTIO_EMU_MAX_EVENTS", "12", "58", "differs: 2 after 12"},
                                           Switch{"FASTIO_EMU_STRICT_CLOSE", "1", "32", "differs: crashed: signal 6"}),
                         [](const ::testing::TestParamInfo<Switch>& switched) {
                             return std::string(switched.param.name).substr(sizeof("FASTIO_EMU_") - 1);
                         });

TEST(CudaConformance, UploadsThatCameTooLateAreSeen) {
    // As late as can be: nothing but a synchronisation brings them.
    const std::map<std::string, std::string> late{{"FASTIO_EMU_LATE_PAGEABLE_COPIES", "1"},
                                                  {"FASTIO_EMU_DELAY_US", "60000000"}};
    EXPECT_EQ(SuiteRun::of({"--rule", "61b"}, late).answer(), "differs: 200 of 200 stale");
    EXPECT_EQ(SuiteRun::of({"--rule", "61a"}, late).answer(), "matches: 0 of 200 stale");
}

TEST(CudaConformance, WhatTakesLongAfterACallIsNoWaitOfTheCall) {
    const std::map<std::string, std::string> slow{{"FASTIO_EMU_CALL_DELAY_US", "cudaStreamQuery=5000000"}};
    for (const char* const rule : {"W3", "65b"}) {
        EXPECT_EQ(SuiteRun::of({"--rule", rule}, slow).answer(), "matches: 0 does not wait");
    }
}

TEST(CudaConformance, AWordThatTheHostHadToWriteIsSeen) {
    const SuiteRun run =
        SuiteRun::of({"--rule", "W10b"}, {{"FASTIO_EMU_CALL_DELAY_US", "cuStreamWriteValue64=6000000"}});
    EXPECT_EQ(run.answer(), "differs: stuck until the host wrote the word");
}

TEST(CudaConformance, ARuleThatHangsDoesNotEndTheSuite) {
    const SuiteRun run =
        SuiteRun::of({"--rule", "1", "--limit", "1"}, {{"FASTIO_EMU_CALL_DELAY_US", "cudaIpcGetMemHandle=3600000000"}});
    EXPECT_EQ(run.answer(), "differs: did not end");
    EXPECT_EQ(run.status, kDiffers);
}

TEST(CudaConformance, AnswersAreThereWhileOthersAreAwaited) {
    test::Watchdog watchdog("answers beside a rule that hangs");
    const test::TempDir folder;
    const std::string file = folder.path() / "answers";
    test::ChildOptions options;
    options.environment = {{"FASTIO_EMU_CALL_DELAY_US", "cuMemGetAddressRange=3600000000"}};
    test::ChildProcess suite = test::ChildProcess::start(test::beside_this_program("fastio_cuda_conformance"),
                                                         {"--output", file, "--limit", "3600"}, options);
    while (!has_answer(file, "59a")) {  // asked long after 4b, which hangs
        ASSERT_EQ(suite.try_wait(), std::nullopt);
    }
    suite.signal(SIGTERM);
    suite.wait();
    EXPECT_TRUE(has_answer(file, "1"));
    EXPECT_FALSE(has_answer(file, "4b"));
}

TEST(CudaConformance, WithoutAGpuNothingIsAskedAndTheStatusSaysSo) {
    const SuiteRun run = SuiteRun::of({}, {{"CUDA_VISIBLE_DEVICES", ""}});
    EXPECT_EQ(run.status, (test::ExitStatus{2, 0})) << run.said;
    EXPECT_FALSE(run.lines.empty());
    for (const Line& line : run.lines) {
        EXPECT_TRUE(line.verdict == "skipped" || line.rule == "67a") << to_string(line);
    }
}

TEST(CudaConformance, AsksTheRulesOfAGradeOnly) {
    const SuiteRun run = SuiteRun::of({"--grade", "tested", "--strict"});
    EXPECT_EQ(run.status, kKept) << run.said;
    EXPECT_TRUE(std::ranges::any_of(run.lines, [](const Line& line) { return line.rule == "13"; }));
    EXPECT_TRUE(std::ranges::none_of(run.lines, [](const Line& line) { return line.rule == "1"; }));
}

TEST(CudaConformance, RulesThatDoNotExistAreRefused) {
    const SuiteRun run = SuiteRun::of({"--rule", "no-such-rule"});
    EXPECT_NE(run.status, kKept);
    EXPECT_NE(run.said.find("no-such-rule"), std::string::npos) << run.said;
}

}  // namespace
}  // namespace fastio::conformance
