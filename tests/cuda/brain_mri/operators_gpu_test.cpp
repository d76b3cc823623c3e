#include <algorithm>
#include <cmath>

#include "cuda/support/gpu.hpp"
#include "support/files.hpp"
#include "support/operators.hpp"

namespace brain_mri {
namespace {

using testing::contents_of;

using OperatorsOnGpu = fastio::test::GpuTest;

/// What the four operators leave.
struct Results {
    std::vector<float> volume;
    std::vector<float> smoothed;
    std::vector<std::uint8_t> mask;
    fastio::Attributes measured;
};

Results run_on(const char* device) {
    const testing::Folder folder;
    testing::write_ball(folder.file("ball.nii.gz"));
    fastio::Context context{
        {.job = "brain-mri-test", .socket = folder.file("fastiod.sock"), .device = device, .embedded = true}};
    for (const testing::Outcome& outcome :
         testing::run_operators(context, folder.file("ball.nii.gz"), folder.file("ball.png"))) {
        EXPECT_EQ(outcome.status, 0) << device << ": " << outcome.errors;
        EXPECT_EQ(outcome.errors, "") << "on " << device << " nothing falls back to the host";
    }
    EXPECT_TRUE(testing::read_file(folder.file("ball.png")).starts_with("\x89PNG"));
    const fastio::Allocation mask = context.get("mask");
    EXPECT_EQ(mask.device(), device);
    return {contents_of<float>(context.get("volume")), contents_of<float>(context.get("smoothed")),
            contents_of<std::uint8_t>(mask), mask.attributes()};
}

TEST_F(OperatorsOnGpu, GiveTheSameAsOnTheHost) {
    const Results host = run_on("host");
    const Results gpu = run_on("cuda:0");
    EXPECT_EQ(gpu.volume, host.volume);
    EXPECT_EQ(gpu.mask, host.mask);
    EXPECT_EQ(gpu.measured, host.measured);
    ASSERT_EQ(gpu.smoothed.size(), host.smoothed.size());
    const float largest = *std::max_element(host.smoothed.begin(), host.smoothed.end());
    for (std::size_t i = 0; i < host.smoothed.size(); ++i) {
        ASSERT_NEAR(gpu.smoothed[i], host.smoothed[i], 1e-6 * largest) << i;
    }
}

}  // namespace
}  // namespace brain_mri
