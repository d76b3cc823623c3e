// What the judge makes of answers, from a GPU and from the emulator.
#include <gtest/gtest.h>

#include <set>

#include "judge.hpp"

namespace fastio::conformance {
namespace {

Platform platform(const char* library) {
    return {library, "13000", "a GPU", ""};
}
const Platform gpu = platform("cudart");
const Platform emulator = platform("emulator");

Rule rule(Grade grade, const char* expected, std::string_view emulated = kSame) {
    return {"1", grade, "a rule", expected, emulated, nullptr};
}

TEST(Judge, TakesOneOfSeveralAnswers) {
    const Rule two = rule(Grade::tested, "1 | 17");
    EXPECT_EQ(compare(two, gpu, "1"), Verdict::matches);
    EXPECT_EQ(compare(two, gpu, "17"), Verdict::matches);
    EXPECT_EQ(compare(two, gpu, "7"), Verdict::differs);
    EXPECT_EQ(compare(two, gpu, "1 | 17"), Verdict::differs);
}

TEST(Judge, HoldsTheEmulatorToItsClaimAndAGpuToTheRule) {
    const Rule narrower = rule(Grade::tested, "1 | 17", "1");
    EXPECT_EQ(compare(narrower, emulator, "17"), Verdict::differs);
    EXPECT_EQ(compare(narrower, gpu, "17"), Verdict::matches);
}

TEST(Judge, RecordsWhatAGpuAnswersToAnUnknownRule) {
    const Rule unknown = rule(Grade::unknown, "1", "1");
    EXPECT_EQ(compare(unknown, gpu, "801"), Verdict::recorded);
    EXPECT_EQ(compare(unknown, emulator, "801"), Verdict::differs);
}

TEST(Judge, TakesCrashesAndHangsForAnswers) {
    const Rule certain = rule(Grade::documented, "0");
    EXPECT_EQ(compare(certain, gpu, "crashed: signal 11"), Verdict::differs);
    EXPECT_EQ(compare(certain, gpu, "did not end"), Verdict::differs);
    EXPECT_EQ(compare(certain, gpu, "skipped: one GPU"), Verdict::skipped);
}

TEST(Judge, FailsForWhatIsCertainAndForTheRestOnlyIfStrict) {
    for (const Grade grade : {Grade::documented, Grade::tested}) {
        EXPECT_TRUE(fails(rule(grade, "0"), Verdict::differs, false));
    }
    for (const Grade grade : {Grade::field, Grade::inferred, Grade::unknown}) {
        EXPECT_FALSE(fails(rule(grade, "0"), Verdict::differs, false));
        EXPECT_TRUE(fails(rule(grade, "0"), Verdict::differs, true));
    }
    EXPECT_FALSE(fails(rule(Grade::documented, "0"), Verdict::skipped, true));
}

TEST(Judge, AsksSideBySideOnlyWhatDisturbsNobody) {
    Rule alone = rule(Grade::tested, "1");
    alone.alone = true;
    const Rule social = rule(Grade::tested, "1");
    EXPECT_EQ(batch_at(std::vector{social, social, alone, social}), 2U);
    EXPECT_EQ(batch_at(std::vector{alone, social}), 1U);
    EXPECT_EQ(batch_at(std::vector{social}), 1U);
}

TEST(Judge, AsksAloneWhatAnswersByTheTimeThatACallTakes) {
    for (const Rule& one : all_rules()) {
        const bool times = one.id.starts_with('W') || one.id == "32" || one.id == "65" || one.id == "65b";
        EXPECT_TRUE(one.alone || !times) << one.id;
    }
}

TEST(Judge, AwaitsWhatMayHangForAPartOfTheLimit) {
    Rule hangs = rule(Grade::unknown, "");
    EXPECT_EQ(limit_of(hangs, {std::chrono::seconds(30), 1}), std::chrono::seconds(30));
    hangs.limit_parts = 3;
    EXPECT_EQ(limit_of(hangs, {std::chrono::seconds(30), 1}), std::chrono::seconds(10));
    EXPECT_EQ(limit_of(hangs, {std::chrono::seconds(1), 1}), std::chrono::seconds(1));
}

TEST(Judge, HasRulesThatCanFail) {
    std::set<std::string_view> ids;
    for (const Rule& one : all_rules()) {
        EXPECT_TRUE(ids.insert(one.id).second) << one.id << " is there twice";
        EXPECT_TRUE(one.grade == Grade::unknown || !one.expected.empty()) << one.id << " expects nothing";
    }
}

}  // namespace
}  // namespace fastio::conformance
