// The four operators as processes, with the service in the test's own process.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include <fastio/fastio.hpp>

#include "operators/typed_view.hpp"
#include "support/files.hpp"
#include "support/program.hpp"
#include "support/volumes.hpp"

namespace brain_mri {

namespace {

using testing::Folder;
using testing::Outcome;
using testing::Program;

constexpr Extents kExtents{48, 40, 44};
constexpr double kRadius = 14;  // voxels
constexpr float kSpacingMm = 2.0F;

std::string name_entry(const std::string& name) {
    return R"({"name":")" + name + R"("})";
}

std::string path_entry(const std::string& name, const std::string& path) {
    return R"({"name":")" + name + R"(","path":")" + path + R"("})";
}

void write_ball(const std::string& path) {
    nifti_1_header header = testing::nifti_header(kExtents);
    header.pixdim[1] = header.pixdim[2] = header.pixdim[3] = kSpacingMm;
    testing::set_orientation(header, {{kSpacingMm, 0, 0}, {0, kSpacingMm, 0}, {0, 0, kSpacingMm}});
    testing::write_nifti(path, header, testing::bytes_of(testing::ball(kExtents, kRadius, 31).values));
}

void expect_success(Program& program) {
    const Outcome outcome = program.wait();
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_EQ(outcome.errors, "");
}

}  // namespace

class BrainMriPipeline : public ::testing::Test {
protected:
    [[nodiscard]] Program start(const std::string& name, const std::vector<std::string>& arguments,
                                const std::string& inputs, const std::string& outputs) const {
        return Program(name, arguments,
                       {{"FASTIO_JOB", context_.job()},
                        {"FASTIO_SOCKET", context_.socket()},
                        {"FASTIO_STAGE", name},
                        {"FASTIO_INPUTS", "[" + inputs + "]"},
                        {"FASTIO_OUTPUTS", "[" + outputs + "]"}});
    }

    Folder folder_;
    fastio::Context context_{
        {.job = "brain-mri-test", .socket = folder_.file("fastiod.sock"), .device = "host", .embedded = true}};
};

TEST_F(BrainMriPipeline, MeasuresABallAndLeavesAPicture) {
    const std::string scan = folder_.file("ball.nii.gz");
    const std::string picture = folder_.file("ball.png");
    write_ball(scan);

    // The last one first: each waits for its inputs.
    Program render =
        start("op-render", {}, name_entry("volume") + "," + name_entry("smoothed") + "," + name_entry("mask"),
              path_entry("picture", picture));
    Program segment = start("op-segment", {}, name_entry("smoothed"), name_entry("mask"));
    Program smooth = start("op-smooth", {"--sigma-mm", "1.5"}, name_entry("volume"), name_entry("smoothed"));
    Program load = start("op-load", {}, path_entry("scan", scan), name_entry("volume"));
    expect_success(load);
    expect_success(smooth);
    expect_success(segment);
    expect_success(render);

    const fastio::Allocation volume = context_.get("volume");
    EXPECT_EQ(volume.type(), fastio::float32);
    EXPECT_EQ(volume.attributes().at(kSpacing), "2 2 2");
    EXPECT_EQ(volume.attributes().at(kOrientation), "RAS");
    EXPECT_EQ(typed_view<const float>(volume).extents, kExtents);

    const fastio::Allocation mask = context_.get("mask");
    EXPECT_EQ(mask.type(), fastio::uint8);
    const double voxels = number_of(mask, kVoxels);
    std::int64_t marked = 0;
    for (const std::uint8_t voxel : mask.as_span<const std::uint8_t>()) {
        marked += voxel;
    }
    EXPECT_EQ(static_cast<double>(marked), voxels);
    const double ball_voxels = 4.0 / 3.0 * std::numbers::pi * std::pow(kRadius, 3);
    EXPECT_NEAR(voxels / ball_voxels, 1.0, 0.03) << "smoothing moves the edge of the ball a little";
    EXPECT_DOUBLE_EQ(number_of(mask, kVolume), voxels * 8.0 / 1000.0);
    EXPECT_GT(number_of(mask, kThreshold), 60.0);
    EXPECT_LT(number_of(mask, kThreshold), 160.0);
    EXPECT_TRUE(testing::read_file(picture).starts_with("\x89PNG"));
}

TEST_F(BrainMriPipeline, FailsInOneLineWhenThePictureDoesNotFit) {
    const std::string scan = folder_.file("ball.nii");
    write_ball(scan);
    Program render = start("op-render", {"--picture", "/dev/full"},
                           name_entry("volume") + "," + name_entry("volume") + "," + name_entry("mask"), "");
    Program segment = start("op-segment", {}, name_entry("volume"), name_entry("mask"));
    Program load = start("op-load", {}, path_entry("scan", scan), name_entry("volume"));
    expect_success(load);
    expect_success(segment);
    const Outcome outcome = render.wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.errors, "op-render: writing the picture /dev/full: write failed: No space left on device\n");
}

TEST_F(BrainMriPipeline, RefusesAVolumeOfAnotherType) {
    const std::vector<std::int16_t> values(8);
    context_.publish_array({.data = values.data(), .type = fastio::int16, .dimensions = {2, 2, 2}}, "volume");
    Program smooth = start("op-smooth", {}, name_entry("volume"), name_entry("smoothed"));
    const Outcome outcome = smooth.wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find("int16"), std::string::npos) << outcome.errors;
}

TEST_F(BrainMriPipeline, RefusesAVolumeWithoutASpacing) {
    const std::vector<float> values(8);
    context_.publish_array({.data = values.data(), .type = fastio::float32, .dimensions = {2, 2, 2}}, "volume");
    Program smooth = start("op-smooth", {}, name_entry("volume"), name_entry("smoothed"));
    const Outcome outcome = smooth.wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find("spacing-mm"), std::string::npos) << outcome.errors;
}

TEST_F(BrainMriPipeline, RefusesToSegmentAConstant) {
    const std::vector<float> values(8, 3.0F);
    context_.publish_array({.data = values.data(), .type = fastio::float32, .dimensions = {2, 2, 2}}, "volume",
                           {.attributes = {{kSpacing, "1 1 1"}}});
    Program segment = start("op-segment", {}, name_entry("volume"), name_entry("mask"));
    const Outcome outcome = segment.wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find("no threshold"), std::string::npos) << outcome.errors;
    EXPECT_FALSE(context_.find("mask"));
}

TEST_F(BrainMriPipeline, GivesUpWhenAnInputDoesNotCome) {
    Program segment = start("op-segment", {"--timeout-s", "0.01"}, name_entry("never"), name_entry("mask"));
    const Outcome outcome = segment.wait();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find("never"), std::string::npos) << outcome.errors;
}

}  // namespace brain_mri
