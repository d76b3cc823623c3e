#include "pipeline_test.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include "operators/attributes.hpp"
#include "operators/volumes.hpp"
#include "support/operators.hpp"

namespace brain_mri {

using testing::contents_of;
using testing::name_entry;
using testing::Outcome;
using testing::path_entry;
using testing::Program;

Program BrainMriPipeline::start(const std::string& name, const std::vector<std::string>& arguments,
                                const std::string& inputs, const std::string& outputs) const {
    return testing::start_operator(context_, name, arguments, inputs, outputs);
}

std::string BrainMriPipeline::errors_of(const Outcome& outcome) {
    if (GetParam().runs_kernels) {
        return outcome.errors;
    }
    const std::size_t end = outcome.errors.find('\n');
    const std::string notice = ": computing on the host, with copies from and to " + GetParam().device + ": ";
    EXPECT_NE(outcome.errors.substr(0, end).find(notice), std::string::npos) << outcome.errors;
    return end == std::string::npos ? outcome.errors : outcome.errors.substr(end + 1);
}

void BrainMriPipeline::expect_success(const Outcome& outcome) {
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_EQ(errors_of(outcome), "");
}

TEST_P(BrainMriPipeline, MeasuresABallAndLeavesAPicture) {
    const std::string scan = folder_.file("ball.nii.gz");
    const std::string picture = folder_.file("ball.png");
    testing::write_ball(scan);
    for (const Outcome& outcome : testing::run_operators(context_, scan, picture)) {
        expect_success(outcome);
    }

    const fastio::Allocation volume = context_.get("volume");
    EXPECT_EQ(volume.type(), fastio::float32);
    EXPECT_EQ(volume.attributes().at(kSpacing), "2 2 2");
    EXPECT_EQ(volume.attributes().at(kOrientation), "RAS");
    EXPECT_EQ(extents_of(volume, fastio::float32), testing::kBallExtents);

    const fastio::Allocation mask = context_.get("mask");
    EXPECT_EQ(mask.type(), fastio::uint8);
    const double voxels = number_of(mask, kVoxels);
    std::int64_t marked = 0;
    for (const std::uint8_t voxel : contents_of<std::uint8_t>(mask)) {
        marked += voxel;
    }
    EXPECT_EQ(static_cast<double>(marked), voxels);
    const double ball_voxels = 4.0 / 3.0 * std::numbers::pi * std::pow(testing::kBallRadius, 3);
    EXPECT_NEAR(voxels / ball_voxels, 1.0, 0.03) << "smoothing moves the edge of the ball a little";
    EXPECT_DOUBLE_EQ(number_of(mask, kVolume), voxels * 8.0 / 1000.0);
    EXPECT_GT(number_of(mask, kThreshold), 60.0);
    EXPECT_LT(number_of(mask, kThreshold), 160.0);
    EXPECT_TRUE(testing::read_file(picture).starts_with("\x89PNG"));
}

TEST_P(BrainMriPipeline, FailsInOneLineWhenThePictureDoesNotFit) {
    const std::string scan = folder_.file("ball.nii");
    testing::write_ball(scan);
    Program render = start("op-render", {"--picture", "/dev/full"},
                           name_entry("volume") + "," + name_entry("volume") + "," + name_entry("mask"), "");
    Program segment = start("op-segment", {}, name_entry("volume"), name_entry("mask"));
    Program load = start("op-load", {}, path_entry("scan", scan), name_entry("volume"));
    expect_success(load.wait());
    expect_success(segment.wait());
    const Outcome outcome = render.wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(errors_of(outcome), "op-render: writing the picture /dev/full: write failed: No space left on device\n");
}

TEST_P(BrainMriPipeline, RefusesAVolumeOfAnotherType) {
    const std::vector<std::int16_t> values(8);
    context_.publish_array({.data = values.data(), .type = fastio::int16, .dimensions = {2, 2, 2}}, "volume");
    Program smooth = start("op-smooth", {}, name_entry("volume"), name_entry("smoothed"));
    const Outcome outcome = smooth.wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find("int16"), std::string::npos) << outcome.errors;
}

TEST_P(BrainMriPipeline, RefusesAVolumeWithoutASpacing) {
    const std::vector<float> values(8);
    context_.publish_array({.data = values.data(), .type = fastio::float32, .dimensions = {2, 2, 2}}, "volume");
    Program smooth = start("op-smooth", {}, name_entry("volume"), name_entry("smoothed"));
    const Outcome outcome = smooth.wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find("spacing-mm"), std::string::npos) << outcome.errors;
}

TEST_P(BrainMriPipeline, RefusesToSegmentAConstant) {
    const std::vector<float> values(8, 3.0F);
    context_.publish_array({.data = values.data(), .type = fastio::float32, .dimensions = {2, 2, 2}}, "volume",
                           {.attributes = {{kSpacing, "1 1 1"}}});
    Program segment = start("op-segment", {}, name_entry("volume"), name_entry("mask"));
    const Outcome outcome = segment.wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find("no threshold"), std::string::npos) << outcome.errors;
    EXPECT_FALSE(context_.find("mask"));
}

TEST_P(BrainMriPipeline, GivesUpWhenAnInputDoesNotCome) {
    Program segment = start("op-segment", {"--timeout-s", "0.01"}, name_entry("never"), name_entry("mask"));
    const Outcome outcome = segment.wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find("never"), std::string::npos) << outcome.errors;
}

}  // namespace brain_mri
