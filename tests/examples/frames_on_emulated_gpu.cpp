// The emulator runs no kernels: the programs find that out and copy, in the same streams.
#include <csignal>
#include <thread>

#include "frames_test.hpp"

namespace frames {

INSTANTIATE_TEST_SUITE_P(EmulatedGpu, Frames, ::testing::Values("cuda:0"));

namespace {

using testing::Program;

class FramesOfAGpu : public Frames {};

INSTANTIATE_TEST_SUITE_P(EmulatedGpu, FramesOfAGpu, ::testing::Values("cuda:0"));

TEST_P(FramesOfAGpu, AreSkippedWhereTheirSourceDiedBeforeTheyWereComplete) {
    using Kind = fastio::WatchEvent::Kind;
    fastio::Context context = join(true);
    fastio::Watch results = context.watch("result");
    Program infer = start("frame-infer", {});
    {
        // Nothing waits for what it queues last, the completion of its first frame: that comes in an hour.
        const Program source = start_source({}, "0.001", {{"FASTIO_EMU_DELAY_US", "3600000000"}});
        // frame-infer has it once it makes room for a result. Before that, `get` itself would tell it of the death.
        while (context.stats().allocations < 2) {
            std::this_thread::yield();
        }
        source.signal(SIGKILL);
    }
    for (const Kind kind : {Kind::published, Kind::unpublished}) {  // of what was computed from it
        EXPECT_EQ(results.next(fastio::forever)->kind, kind);
    }
    Program source = start_source({"--frames", "1"});
    expect_success(source.wait(), "frame-source: 1 frames\n");
    expect_success(infer.wait(), "frame-infer: 1 results, 1 frames lost\n");
    EXPECT_EQ(results.next(fastio::forever)->kind, Kind::published);
}

}  // namespace
}  // namespace frames
