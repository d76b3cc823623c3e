// `fastio run` on machines with fake GPUs: where its memory is, and what its operators are told there.
#include <gtest/gtest.h>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

/// What an operator finds in $CUDA_MODULE_LOADING.
std::string module_loading(const std::vector<std::string>& arguments,
                           const std::map<std::string, std::string>& environment = {}) {
    const TempDir folder;
    const std::string file = folder.file("p.yaml");
    write_file(
        file, "name: p\noperators:\n- {name: a, command: [sh, -c, 'echo loading=${CUDA_MODULE_LOADING-as it is}.']}\n");
    std::vector<std::string> all{"run", "--workdir", folder.path()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.push_back(file);
    ChildOptions options;
    options.environment = environment;
    options.unset = {"FASTIO_SOCKET", "FASTIO_DEVICE", "CUDA_MODULE_LOADING"};
    options.capture_output = true;
    ChildProcess run = ChildProcess::start(FASTIO_PROGRAM, all, options);
    EXPECT_EQ(run.wait(), (ExitStatus{0, 0})) << run.output();
    const std::string output = run.output();
    const std::size_t begin = output.find("a | loading=") + 12;
    return output.substr(begin, output.find('.', begin) - begin);
}

TEST(RunOnFakeGpus, OperatorsLoadTheirKernelsAtTheirStart) {
    EXPECT_EQ(module_loading({}), "EAGER") << "the service's first device";
    EXPECT_EQ(module_loading({"--device", "cuda:1"}), "EAGER");
}

TEST(RunOnFakeGpus, OperatorsLoadTheirKernelsAsTheUserSays) {
    EXPECT_EQ(module_loading({}, {{"CUDA_MODULE_LOADING", "LAZY"}}), "LAZY");
}

TEST(RunOnFakeGpus, OperatorsOnTheHostAreToldNothingOfKernels) {
    EXPECT_EQ(module_loading({"--device", "host"}), "as it is");
}

std::string run_on(const std::map<std::string, std::string>& machine) {
    const TempDir folder;
    write_file(folder.file("p.yaml"), "name: tiny\noperators: [{name: a, command: [sh, -c, 'true']}]\n");
    ChildOptions options;
    options.environment = machine;
    options.unset = {"FASTIO_SOCKET", "FASTIO_DEVICE"};
    options.capture_output = true;
    options.folder = folder.path().string();
    ChildProcess run = ChildProcess::start(FASTIO_PROGRAM, {"run", "p.yaml"}, options);
    EXPECT_EQ(run.wait(), (ExitStatus{0, 0})) << run.output();
    return run.output();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(RunOnFakeGpus, NamesTheDevice) {
    const std::string out = run_on({});
    EXPECT_TRUE(out.starts_with("== pipeline 'tiny': 1 operators, job 'tiny-")) << out;
    EXPECT_TRUE(has(out.substr(0, out.find('\n')), "', device cuda:0, service at ")) << out;
    EXPECT_FALSE(has(out, "warns")) << out;
}

TEST(RunOnFakeGpus, PassesOnWhyItIsTheHost) {
    const std::string out = run_on({{"FASTIO_EMU_COMPUTE_MODE", "exclusive"}});
    EXPECT_TRUE(has(out.substr(0, out.find('\n')), "', device host, service at ")) << out;
    EXPECT_TRUE(has(out, "\n== the service warns: the GPU cuda:0 (GPU-")) << out;
    EXPECT_TRUE(has(out, "\n== the service warns: the GPU cuda:1 (GPU-")) << out;
    EXPECT_TRUE(has(out, "\n== the service warns: serving host memory: every GPU is left out\n")) << out;
}

}  // namespace
}  // namespace fastio::test
