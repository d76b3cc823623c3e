// How the operators' programs fail: exit status and one line, before they need a service.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/files.hpp"
#include "support/program.hpp"

namespace brain_mri {

namespace {

using testing::Folder;
using testing::Outcome;
using testing::Program;

void expect_failure(const Outcome& outcome, int status, const std::string& start, const std::string& cause) {
    EXPECT_EQ(outcome.status, status) << outcome.errors;
    EXPECT_TRUE(outcome.errors.starts_with(start)) << outcome.errors;
    EXPECT_NE(outcome.errors.find(cause), std::string::npos) << outcome.errors;
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
    EXPECT_EQ(outcome.output, "");
}

}  // namespace

TEST(OpLoad, FailsOnAMissingFile) {
    expect_failure(Program("op-load", {"--input", "/no/such.nii", "--output", "volume"}).wait(), 1,
                   "op-load: ", "No such file");
}

TEST(OpLoad, FailsOnAFileThatIsNotNifti) {
    const Folder folder;
    testing::write_file(folder.file("a.nii"), std::string(1000, ' '));
    expect_failure(Program("op-load", {"--input", folder.file("a.nii"), "--output", "volume"}).wait(), 1,
                   "op-load: ", "not a NIfTI file");
}

TEST(OpLoad, TakesItsFileFromThePipeline) {
    expect_failure(Program("op-load", {},
                           {{"FASTIO_INPUTS", R"([{"name":"scan","path":"/no/such.nii"}])"},
                            {"FASTIO_OUTPUTS", R"([{"name":"volume"}])"}})
                       .wait(),
                   1, "op-load: ", "/no/such.nii");
}

TEST(OpLoad, PrefersAnOptionToThePipeline) {
    expect_failure(Program("op-load", {"--input", "/other.nii"},
                           {{"FASTIO_INPUTS", R"([{"name":"scan","path":"/no/such.nii"}])"},
                            {"FASTIO_OUTPUTS", R"([{"name":"volume"}])"}})
                       .wait(),
                   1, "op-load: ", "/other.nii");
}

TEST(OpLoad, RefusesANameWhereAFileIsNeeded) {
    expect_failure(Program("op-load", {"--output", "volume"}, {{"FASTIO_INPUTS", R"([{"name":"scan"}])"}}).wait(), 2,
                   "op-load: ", "must have a path");
}

TEST(OpSmooth, RefusesAFileWhereANameIsNeeded) {
    expect_failure(
        Program("op-smooth", {"--output", "smoothed"}, {{"FASTIO_INPUTS", R"([{"name":"volume","path":"/x"}])"}})
            .wait(),
        2, "op-smooth: ", "must not have a path");
}

TEST(OpSmooth, RefusesASigmaBelowZero) {
    expect_failure(Program("op-smooth", {"--input", "a", "--output", "b", "--sigma-mm", "-1"}).wait(), 2,
                   "op-smooth: ", "sigma-mm");
}

TEST(OpSegment, RefusesUnknownOptions) {
    expect_failure(Program("op-segment", {"--input", "a", "--output", "b", "--fast"}).wait(), 2,
                   "op-segment: ", "--fast");
}

TEST(OpRender, NamesTheInputThatIsMissing) {
    expect_failure(Program("op-render", {"--volume", "a", "--smoothed", "b", "--picture", "c.png"}).wait(), 2,
                   "op-render: ", "--mask");
}

TEST(OpRender, RefusesMoreInputsThanItTakes) {
    expect_failure(Program("op-render", {"--picture", "c.png"},
                           {{"FASTIO_INPUTS", R"([{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}])"}})
                       .wait(),
                   2, "op-render: ", "lists 4 entries");
}

TEST(OpRender, RefusesAnEnvironmentThatIsNotJson) {
    expect_failure(Program("op-render", {"--picture", "c.png"}, {{"FASTIO_INPUTS", "volume"}}).wait(), 2,
                   "op-render: ", "$FASTIO_INPUTS");
}

TEST(EveryOperator, ExplainsItselfAndSucceeds) {
    for (const char* name : {"op-load", "op-smooth", "op-segment", "op-render"}) {
        const Outcome outcome = Program(name, {"--help"}).wait();
        EXPECT_EQ(outcome.status, 0) << name;
        EXPECT_NE(outcome.output.find("--timeout-s"), std::string::npos) << name;
    }
}

TEST(EveryOperator, FailsWithoutAService) {
    const Folder folder;
    for (const char* name : {"op-smooth", "op-segment"}) {
        const Outcome outcome =
            Program(name, {"--input", "a", "--output", "b", "--socket", folder.file("none.sock")}).wait();
        expect_failure(outcome, 1, std::string(name) + ": ", folder.file("none.sock"));
    }
}

}  // namespace brain_mri
