// One client after the other, all in one process, with the service on a thread of it.
#include <gtest/gtest.h>

#include "reference_model/generate.hpp"
#include "reference_model/in_process_stage.hpp"
#include "support/leak_check.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr const char* kDevice = FASTIO_TEST_DEVICE;
constexpr double kScale = FASTIO_TEST_SCALE;
constexpr bool kOnStreams = FASTIO_TEST_ON_STREAMS;

/// The service's own, which these sequences do not reach.
constexpr std::uint64_t kAllocations = 65'536;

std::string play(const std::vector<Step>& steps) {
    const Watchdog watchdog("a case of the reference model");
    const LeakCheck leaks;
    std::string wrong;
    {
        InProcessStage stage(kDevice);
        Oracle oracle(kAllocations);
        wrong = contest(steps, stage, oracle);
    }
    const std::string leaked = leaks.difference();
    return !wrong.empty() || leaked.empty() ? wrong : "left over: " + leaked;
}

TEST(InProcess, AnySequenceOfCallsAnswersAsTheOracleSaysAndLeavesNothing) {
    static_cast<void>(play({{.verb = Verb::create}}));  // what the process opens once
    const Search found = search(play, Mix{.mostly_contents = kOnStreams}, kScale);
    EXPECT_FALSE(found.failed) << found.text;
}

}  // namespace
}  // namespace fastio::test
