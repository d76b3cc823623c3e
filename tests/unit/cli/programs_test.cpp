#include "cli/programs.hpp"

#include <gtest/gtest.h>

#include <fastio/error.hpp>

#include "cli/pipeline.hpp"
#include "cli/run_plan.hpp"
#include "support/temp_dir.hpp"

namespace fastio::cli {
namespace {

namespace fs = std::filesystem;

class Programs : public testing::Test {
protected:
    std::string program(const std::string& name) {
        test::write_file(folder_.path() / name, "#!/bin/sh\n");
        fs::permissions(folder_.path() / name, fs::perms::owner_all);
        return (folder_.path() / name).string();
    }

    test::TempDir folder_;
};

TEST_F(Programs, the_first_folder_that_has_it_wins) {
    const std::string first = program("one/op");
    program("two/op");
    EXPECT_EQ(find_program("op", {}, {folder_.path() / "none", folder_.path() / "one", folder_.path() / "two"}), first);
}

TEST_F(Programs, a_file_that_cannot_be_executed_and_a_folder_are_passed_over) {
    test::write_file(folder_.path() / "one/op", "text");
    fs::create_directories(folder_.path() / "two/op");
    const std::string third = program("three/op");
    EXPECT_EQ(find_program("op", {}, {folder_.path() / "one", folder_.path() / "two", folder_.path() / "three"}),
              third);
}

TEST_F(Programs, a_name_with_a_slash_is_relative_to_the_base_and_not_looked_up) {
    const std::string own = program("base/tools/op");
    EXPECT_EQ(find_program("tools/op", folder_.path() / "base", {}), own);
    EXPECT_EQ(find_program("../base/tools/op", folder_.path() / "base", {}), own);
    EXPECT_EQ(find_program(own, "/", {}), own);
    EXPECT_EQ(find_program("./op", folder_.path() / "base", {folder_.path() / "base/tools"}), std::nullopt);
}

TEST_F(Programs, an_empty_part_of_path_is_the_present_folder) {
    EXPECT_EQ(folders_of_path("/a::/b"), (std::vector<fs::path>{"/a", ".", "/b"}));
    EXPECT_EQ(folders_of_path(""), std::vector<fs::path>{});
}

class RunPlan : public Programs {
protected:
    Pipeline pipeline(const std::string& operators) {
        test::write_file(folder_.path() / "p.yaml", "name: p\noperators:\n" + operators);
        return load_pipeline(folder_.path() / "p.yaml");
    }

    static std::string variable(const ChildSpec& spec, const std::string& name) {
        for (const std::string& entry : spec.environment) {
            if (entry.starts_with(name + "=")) {
                return entry.substr(name.size() + 1);
            }
        }
        return "unset";
    }
};

TEST_F(RunPlan, operators_are_told_their_job_service_name_and_entries) {
    const std::string op = program("op");
    test::write_file(folder_.path() / "scan.nii", "x");
    const Pipeline p = pipeline(
        "- {name: load, command: [op, --fast], inputs: [{name: scan, path: scan.nii}], outputs: [v, {name: o, path: "
        "out/o.png}]}\n");
    const auto specs = plan_run(p, "/data", "p-1", "/run/s.sock", "cuda:1");
    ASSERT_EQ(specs.size(), 1U);
    EXPECT_EQ(specs[0].program, op);
    EXPECT_EQ(specs[0].arguments, (std::vector<std::string>{"op", "--fast"}));
    EXPECT_EQ(specs[0].folder, "/data");
    EXPECT_EQ(variable(specs[0], "FASTIO_JOB"), "p-1");
    EXPECT_EQ(variable(specs[0], "FASTIO_SOCKET"), "/run/s.sock");
    EXPECT_EQ(variable(specs[0], "FASTIO_STAGE"), "load");
    EXPECT_EQ(variable(specs[0], "FASTIO_INPUTS"), R"([{"name":"scan","path":")" + folder_.file("scan.nii") + R"("}])");
    EXPECT_EQ(variable(specs[0], "FASTIO_OUTPUTS"), R"([{"name":"v"},{"name":"o","path":"/data/out/o.png"}])");
    EXPECT_EQ(variable(specs[0], "FASTIO_DEVICE"), "cuda:1");
    EXPECT_NE(variable(specs[0], "PATH"), "unset");
}

TEST_F(RunPlan, without_a_device_operators_are_told_none) {
    const Pipeline p = pipeline("- {name: a, command: [/bin/sh]}\n");
    EXPECT_EQ(variable(plan_run(p, "/data", "p-1", "", "").front(), "FASTIO_DEVICE"), "unset");
}

TEST_F(RunPlan, operators_on_a_gpu_load_their_kernels_at_their_start_and_have_many_queues_unless_told_otherwise) {
    const auto told = [](const std::string& name, std::vector<std::string> environment, const std::string& device,
                         const std::string& program = "/bin/sh") {
        std::vector<ChildSpec> specs(1);
        specs[0].program = program;
        specs[0].environment = std::move(environment);
        let_streams_wait(specs, device);
        return variable(specs[0], name);
    };
    EXPECT_EQ(told("CUDA_MODULE_LOADING", {"A=b"}, "cuda:1"), "EAGER");
    EXPECT_EQ(told("CUDA_MODULE_LOADING", {"A=b", "CUDA_MODULE_LOADING=LAZY"}, "cuda:1"), "LAZY");
    EXPECT_EQ(told("CUDA_MODULE_LOADING", {"A=b"}, "host"), "unset");
    EXPECT_EQ(told("CUDA_DEVICE_MAX_CONNECTIONS", {"A=b"}, "cuda:1"), "32");
    EXPECT_EQ(told("CUDA_DEVICE_MAX_CONNECTIONS", {"CUDA_DEVICE_MAX_CONNECTIONS=1"}, "cuda:1"), "1");
    EXPECT_EQ(told("CUDA_DEVICE_MAX_CONNECTIONS", {"A=b"}, "host"), "unset");
    test::write_file(folder_.file("script"), "#!/usr/bin/env python3\nimport torch\n");
    for (const std::string& program : {std::string("/usr/bin/python3"), folder_.file("script")}) {
        EXPECT_EQ(told("CUDA_MODULE_LOADING", {"A=b"}, "cuda:1", program), "unset") << program;
        EXPECT_EQ(told("CUDA_DEVICE_MAX_CONNECTIONS", {"A=b"}, "cuda:1", program), "32") << program;
    }
}

TEST_F(RunPlan, a_missing_program_is_refused_with_its_line) {
    const Pipeline p = pipeline("- name: a\n  command: [fastio-test-no-such-program]\n");
    try {
        static_cast<void>(plan_run(p, "/data", "p-1", "", ""));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::not_found);
        EXPECT_TRUE(
            std::string(error.what())
                .starts_with(folder_.file("p.yaml") + ":4: operator 'a' has no program 'fastio-test-no-such-program'"))
            << error.what();
    }
}

TEST_F(RunPlan, a_missing_input_file_is_refused_with_its_line) {
    const Pipeline p = pipeline("- name: a\n  command: [/bin/sh]\n  inputs:\n  - {name: scan, path: no.nii}\n");
    try {
        static_cast<void>(plan_run(p, "/data", "p-1", "", ""));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::not_found);
        EXPECT_EQ(error.what(), folder_.file("p.yaml") + ":6: operator 'a' has the input 'scan' at " +
                                    folder_.file("no.nii") + ", which does not exist");
    }
}

TEST_F(RunPlan, no_two_runs_have_the_same_job) {
    EXPECT_TRUE(unique_job("p").starts_with("p-"));
    EXPECT_NE(unique_job("p"), unique_job("p"));
}

}  // namespace
}  // namespace fastio::cli
