#include <csignal>

#include "cuda/support/gpu.hpp"
#include "support/frames.hpp"

namespace frames {
namespace {

using testing::Outcome;
using testing::Program;

class FramesOnGpu : public fastio::test::GpuTest, protected testing::Programs {
protected:
    FramesOnGpu() : Programs("cuda:0") {}
};

TEST_F(FramesOnGpu, AreRightAndCompleteWithoutHelpOfTheHost) {
    const fastio::Context context = join(true);
    const std::vector<std::string> policy{"--policy", "last-n"};
    Program source = start("frame-source", {"--policy", "last-n", "--fps", "0", "--frames", "100"});
    Program infer = start("frame-infer", policy);
    Program sink = start("frame-sink", policy);
    for (Program* const program : {&source, &infer}) {
        const Outcome outcome = program->wait();
        EXPECT_EQ(outcome.status, 0) << outcome.errors;
        EXPECT_EQ(outcome.errors, "") << "nothing falls back to the host";
    }
    expect_success(sink.wait(), "frame-sink: 100 frames, 0 gaps, 0 repeated, 0 lost, 0 wrong, latency");
}

TEST_F(FramesOnGpu, GoOnAfterTheDeathOfAConsumer) {
    fastio::Context context = join(true);
    fastio::Watch results = context.watch("result");
    Program source = start("frame-source", {"--fps", "200"});
    Program sink = start("frame-sink", {});
    {
        const Program infer = start("frame-infer", {});
        testing::wait_for_publications(results, 5);
        infer.signal(SIGKILL);
    }
    while (results.next({})) {  // what it still did
    }
    Program infer = start("frame-infer", {});
    testing::wait_for_publications(results, 5);
    source.signal(SIGTERM);
    expect_success(source.wait(), " frames\n");
    expect_success(infer.wait(), " 0 frames lost\n");
    expect_success(sink.wait(), " 0 wrong, ");
}

}  // namespace
}  // namespace frames
