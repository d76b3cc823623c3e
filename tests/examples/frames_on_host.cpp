#include <csignal>

#include "compute/on_host.hpp"
#include "frames_test.hpp"
#include "tag.hpp"

namespace frames {

INSTANTIATE_TEST_SUITE_P(Host, Frames, ::testing::Values("host"));

namespace {

using testing::kHeight;
using testing::kWidth;
using testing::Outcome;
using testing::Program;

/// As a source of this process does it.
void publish_frame(fastio::Context& context, std::uint64_t sequence, bool is_last = false) {
    std::vector<std::uint8_t> values(kHeight * kWidth);
    make_on_host(sequence, kHeight, kWidth, values);
    context.publish_array({.data = values.data(), .type = fastio::uint8, .dimensions = {kHeight, kWidth}}, "frame",
                          {.replace = true,
                           .attributes = attributes_of(
                               {.source = "test", .sequence = sequence, .time = Clock::now(), .is_last = is_last})});
}

class FramesOfTheHost : public Frames {};

INSTANTIATE_TEST_SUITE_P(Host, FramesOfTheHost, ::testing::Values("host"));

TEST_P(FramesOfTheHost, AreSkippedByAConsumerThatWasStopped) {
    fastio::Context context = join(true);
    Program infer = start("frame-infer", {});
    publish_frame(context, 0);
    std::uint64_t seen = context.get("result", {.timeout = fastio::forever}).version();
    infer.signal(SIGSTOP);
    for (const std::uint64_t sequence : {1, 2, 3, 4, 5}) {
        publish_frame(context, sequence);  // nobody waits for the consumer
    }
    infer.signal(SIGCONT);
    const fastio::Allocation result = context.get("result", {.timeout = fastio::forever, .newer_than = seen});
    EXPECT_EQ(tag_of(result).sequence, 5U);
    std::vector<float> values(result.count());
    result.copy_to(values.data(), result.size());
    EXPECT_TRUE(is_result_of(5, kHeight, kWidth, values));
    EXPECT_FALSE(is_result_of(6, kHeight, kWidth, values)) << "what is checked must be able to fail";
    infer.signal(SIGTERM);
    const Outcome outcome = infer.wait();
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_EQ(errors_of(outcome), "frame-infer: stopped\n");
}

TEST_P(FramesOfTheHost, AreRefusedWhereTheyAreNone) {
    fastio::Context context = join(true);
    const std::vector<float> values(4);
    context.publish_array({.data = values.data(), .type = fastio::float32, .dimensions = {4}}, "frame",
                          {.attributes = attributes_of({.source = "test"})});
    const Outcome outcome = start("frame-infer", {}).wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find("'frame' is float32 with 1 dimensions"), std::string::npos) << outcome.errors;
}

}  // namespace
}  // namespace frames
