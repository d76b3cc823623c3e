#include "support/operators.hpp"

#include "support/files.hpp"

namespace brain_mri::testing {

void write_ball(const std::string& path) {
    nifti_1_header header = nifti_header(kBallExtents);
    header.pixdim[1] = header.pixdim[2] = header.pixdim[3] = kBallSpacingMm;
    set_orientation(header, {{kBallSpacingMm, 0, 0}, {0, kBallSpacingMm, 0}, {0, 0, kBallSpacingMm}});
    write_nifti(path, header, bytes_of(ball(kBallExtents, kBallRadius, 31).values));
}

std::string name_entry(const std::string& name) {
    return R"({"name":")" + name + R"("})";
}

std::string path_entry(const std::string& name, const std::string& path) {
    return R"({"name":")" + name + R"(","path":")" + path + R"("})";
}

Program start_operator(const fastio::Context& context, const std::string& name,
                       const std::vector<std::string>& arguments, const std::string& inputs,
                       const std::string& outputs) {
    return Program(name, arguments,
                   {{"FASTIO_JOB", context.job()},
                    {"FASTIO_SOCKET", context.socket()},
                    {"FASTIO_DEVICE", context.device()},
                    {"FASTIO_STAGE", name},
                    {"FASTIO_INPUTS", "[" + inputs + "]"},
                    {"FASTIO_OUTPUTS", "[" + outputs + "]"}});
}

std::vector<Outcome> run_operators(const fastio::Context& context, const std::string& scan,
                                   const std::string& picture) {
    // The last one first: each waits for its inputs.
    Program render = start_operator(context, "op-render", {},
                                    name_entry("volume") + "," + name_entry("smoothed") + "," + name_entry("mask"),
                                    path_entry("picture", picture));
    Program segment = start_operator(context, "op-segment", {}, name_entry("smoothed"), name_entry("mask"));
    Program smooth =
        start_operator(context, "op-smooth", {"--sigma-mm", "1.5"}, name_entry("volume"), name_entry("smoothed"));
    Program load = start_operator(context, "op-load", {}, path_entry("scan", scan), name_entry("volume"));
    std::vector<Outcome> outcomes;
    for (Program* const program : {&load, &smooth, &segment, &render}) {
        outcomes.push_back(program->wait());
    }
    return outcomes;
}

}  // namespace brain_mri::testing
