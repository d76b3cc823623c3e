// That the oracle is believed and the sequences reach what it knows: each rule that it gets wrong is found out, and the
// sequence that shows it is made short.
#include <gtest/gtest.h>

#include "reference_model/generate.hpp"
#include "reference_model/in_process_stage.hpp"

namespace fastio::test {
namespace {

struct Wrong {
    const char* name;
    Mistake mistake;
    std::size_t steps;  ///< that a sequence needs to show it
};

void PrintTo(const Wrong& wrong, std::ostream* out) {
    *out << wrong.name;
}

class WrongOracle : public testing::TestWithParam<Wrong> {};

TEST_P(WrongOracle, IsFoundOutByAShortSequence) {
    const auto play = [](const std::vector<Step>& steps) {
        InProcessStage stage("host");
        Oracle oracle(65'536, GetParam().mistake);
        return contest(steps, stage, oracle, std::chrono::milliseconds(10));
    };
    constexpr std::uint64_t seed = 20'261;
    const Search found = search(play, Mix{}, 5, seed);
    ASSERT_TRUE(found.failed) << "the mistake was never met";
    EXPECT_LE(found.fewest_steps, GetParam().steps) << found.text;
    EXPECT_NE(found.text.find("RC_PARAMS=\"seed=20261\""), std::string::npos) << found.text;
}

INSTANTIATE_TEST_SUITE_P(Mistakes, WrongOracle,
                         testing::Values(Wrong{"FreeKeepsNames", Mistake::free_keeps_names, 3},
                                         Wrong{"QuotaForgetsThePublished", Mistake::quota_forgets_the_published, 4},
                                         Wrong{"VersionsCountPerName", Mistake::versions_count_per_name, 3},
                                         Wrong{"NewerThanIncludes", Mistake::newer_than_includes, 6},
                                         Wrong{"FailedPublishDropsTheHold", Mistake::failed_publish_drops_the_hold, 4},
                                         Wrong{"ReplaceIsAnnouncedAsPublish", Mistake::replace_is_announced_as_publish,
                                               5},
                                         Wrong{"PersistentJobsEnd", Mistake::persistent_jobs_end, 3},
                                         Wrong{"UnpublishOfAnyVersion", Mistake::unpublish_of_any_version, 3}),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace fastio::test
