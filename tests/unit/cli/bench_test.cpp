#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "command.hpp"

namespace fastio::test {
namespace {

namespace fs = std::filesystem;

/// The fastio command in a folder of its own.
class Bench : public testing::Test {
protected:
    Bench() {
        fs::copy_file(FASTIO_PROGRAM, fastio_);
        options_.environment["LD_LIBRARY_PATH"] =
            fs::path(FASTIO_PROGRAM).parent_path().parent_path().append("lib").string();
        options_.capture_output = true;
    }

    void put_beside(const std::string& script) const {
        const std::string program = folder_.file("fastio_process_bench");
        write_file(program, "#!/bin/sh\n" + script);
        fs::permissions(program, fs::perms::owner_all);
    }

    TempDir folder_;
    std::string fastio_ = folder_.file("fastio");
    ChildOptions options_;
};

TEST_F(Bench, becomes_the_program_beside_fastio) {
    put_beside("echo \"$0: $*\"\nexit 7\n");
    ChildProcess run = ChildProcess::start(fastio_, {"bench", "--json", "--rounds", "3"}, options_);
    EXPECT_EQ(run.wait(), (ExitStatus{7, 0}));
    EXPECT_EQ(run.output(), folder_.file("fastio_process_bench") + ": --rounds 3 --json -\n");
    ChildProcess plain = ChildProcess::start(fastio_, {"bench"}, options_);
    EXPECT_EQ(plain.wait(), (ExitStatus{7, 0}));
    EXPECT_EQ(plain.output(), folder_.file("fastio_process_bench") + ": \n");
}

TEST_F(Bench, says_what_to_do_where_that_is_not_installed) {
    ChildProcess run = ChildProcess::start(fastio_, {"bench"}, options_);
    EXPECT_EQ(run.wait(), (ExitStatus{1, 0}));
    const std::string said = run.output();
    EXPECT_TRUE(said.starts_with("fastio: bench: ")) << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    for (const std::string& word :
         {fs::path(fastio_).parent_path().string(), std::string("fastio_process_bench"), std::string("--install"),
          std::string("FASTIO_BUILD_BENCHMARKS=ON"), std::string("wheel")}) {
        EXPECT_NE(said.find(word), std::string::npos) << said;
    }
}

}  // namespace
}  // namespace fastio::test
