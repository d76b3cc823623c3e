#include "frames_test.hpp"

#include <csignal>
#include <thread>

namespace frames {

namespace {

using testing::Outcome;
using testing::Program;

const std::vector<std::string> kLastN{"--policy", "last-n", "--keep", "3"};

}  // namespace

TEST_P(Frames, LastNDeliversEachFrameAndLeavesNothing) {
    fastio::Context context = join(true);
    Program source = start_source({"--policy", "last-n", "--keep", "2", "--frames", "40"});
    Program infer = start("frame-infer", {"--policy", "last-n", "--keep", "3"});
    Program sink = start("frame-sink", kLastN);
    expect_success(source.wait(), "frame-source: 40 frames\n");
    expect_success(infer.wait(), "frame-infer: 40 results, 0 frames lost\n");
    expect_success(sink.wait(), "frame-sink: 40 frames, 0 gaps, 0 repeated, 0 lost, 0 wrong, latency");
    EXPECT_TRUE(context.list().empty());
}

TEST_P(Frames, LastNOutlivesTheDeathOfAConsumer) {
    fastio::Context context = join(true);
    fastio::Watch results = context.watch("results/");
    Program source = start_source(kLastN);
    Program sink = start("frame-sink", kLastN);
    {
        Program infer = start("frame-infer", kLastN);
        testing::wait_for_publications(results, 5);
        infer.signal(SIGKILL);
    }
    while (results.next({})) {  // what it still did
    }
    Program infer = start("frame-infer", kLastN);
    testing::wait_for_publications(results, 5);
    source.signal(SIGTERM);  // it makes one more, the last
    expect_success(source.wait(), "frames\n");
    expect_success(infer.wait(), "0 frames lost\n");
    const Outcome outcome = sink.wait();
    expect_success(outcome, " frames, 0 gaps, ");
    expect_success(outcome, " 0 wrong, ");
    EXPECT_TRUE(context.list().empty());
}

TEST_P(Frames, GoOnWithTheServiceThatTakesTheLostOnesPlace) {
    Program source = start_source({});
    Program infer = start("frame-infer", {});
    Program sink = start("frame-sink", {});
    const auto wait_for_result = [](fastio::Context& context) {
        static_cast<void>(context.get("result", {.timeout = fastio::forever}));
    };
    {
        Program first = start_service();
        fastio::Context member = join(false);
        wait_for_result(member);
        while (member.stats().members < 4) {  // or one of them has not begun yet and will know the second service only
            std::this_thread::yield();
        }
        first.signal(SIGKILL);
    }
    const Program second = start_service();
    fastio::Context member = join(false);  // keeps the job until the last of them has seen the last frame
    wait_for_result(member);
    source.signal(SIGTERM);
    for (Program* const program : {&source, &infer, &sink}) {
        const Outcome outcome = program->wait();
        EXPECT_EQ(outcome.status, 0) << outcome.errors;
        EXPECT_NE(outcome.errors.find("the service is gone; joining"), std::string::npos) << outcome.errors;
    }
}

}  // namespace frames
