// The suite on a GPU. Where there is none it is skipped and says so.
#include <iostream>

#include "cuda/support/gpu.hpp"
#include "suite_run.hpp"

namespace fastio::conformance {
namespace {

class CudaConformanceOnAGpu : public test::GpuTest {};

TEST_F(CudaConformanceOnAGpu, KeepsWhatIsDocumentedAndTested) {
    const SuiteRun run = SuiteRun::of({"--grade", "documented", "--grade", "tested"});
    for (const Line& line : run.lines) {
        std::cout << to_string(line) << '\n';
        EXPECT_EQ(line.library, "cudart") << to_string(line);
    }
    EXPECT_EQ(run.status, (test::ExitStatus{0, 0})) << run.said;
}

TEST(CudaConformanceOnTheRuntime, IsNeverTakenForTheEmulator) {
    // Asked with a GPU and without: the answer tells, or is skipped.
    const SuiteRun run = SuiteRun::of({"--rule", "67a"});
    ASSERT_EQ(run.lines.size(), 1U) << run.said;
    EXPECT_EQ(run.lines.front().library, "cudart");
    EXPECT_NE(run.lines.front().verdict, "differs") << to_string(run.lines.front());
}

}  // namespace
}  // namespace fastio::conformance
