#include <gtest/gtest.h>

#include <algorithm>

#include <fastio/version.hpp>

#include "command.hpp"

namespace fastio::test {
namespace {

class WrongUsage : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(WrongUsage, exits_with_2_and_one_line_that_names_the_help) {
    const CommandResult result = Command()(GetParam());
    EXPECT_EQ(result.status, (ExitStatus{2, 0}));
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.err.starts_with("fastio: ")) << result.err;
    EXPECT_NE(result.err.find("--help` shows how"), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

using Words = std::vector<std::string>;
INSTANTIATE_TEST_SUITE_P(Each, WrongUsage,
                         testing::Values(Words{}, Words{"fly"}, Words{"--fly"}, Words{"ls", "--fly"},
                                         Words{"ls", "more"}, Words{"ls", "--job"}, Words{"put", "only.npy"},
                                         Words{"put"}, Words{"get", "name"},
                                         Words{"get", "name", "-o", "f", "--timeout", "soon"},
                                         Words{"get", "name", "-o", "f", "--timeout", "-1"},
                                         Words{"get", "name", "-o", "f", "--timeout", "nan"}, Words{"rm"},
                                         Words{"rm", ""}, Words{"rm", "", "--job", "j"}, Words{"run"},
                                         Words{"run", "p.yaml", "--job"}, Words{"run", "p.yaml", "--grace", "x"},
                                         Words{"top", "more"}, Words{"bench", "--rounds", "0"},
                                         Words{"bench", "--socket", "s"}));

TEST(Usage, help_explains_every_command) {
    const CommandResult all = Command()({"--help"});
    EXPECT_EQ(all.status, (ExitStatus{0, 0}));
    EXPECT_EQ(all.err, "");
    for (const char* const name : {"run", "ls", "stat", "top", "watch", "put", "get", "rm", "doctor"}) {
        EXPECT_NE(all.out.find(std::string("\n  ") + name + " "), std::string::npos) << name << all.out;
        const CommandResult one = Command()({name, "--help"});
        EXPECT_EQ(one.status, (ExitStatus{0, 0})) << name;
        EXPECT_NE(one.out.find("--socket"), std::string::npos) << one.out;
    }
}

TEST(Usage, version_is_the_librarys) {
    EXPECT_EQ(Command()({"--version"}).out, "fastio " FASTIO_VERSION_STRING "\n");
}

class NoService : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(NoService, exits_with_1_and_one_line_that_names_the_socket) {
    const TempDir folder;
    write_file(folder.file("a.npy"), "");
    const CommandResult result = Command({{"FASTIO_SOCKET", folder.file("none.sock")}})(GetParam());
    EXPECT_EQ(result.status, (ExitStatus{1, 0}));
    EXPECT_TRUE(result.err.starts_with("fastio: ")) << result.err;
    EXPECT_NE(result.err.find("none.sock"), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.out, "");
}

INSTANTIATE_TEST_SUITE_P(Each, NoService,
                         testing::Values(Words{"ls"}, Words{"stat", "--json"}, Words{"top"}, Words{"rm", "a"},
                                         Words{"watch"}, Words{"get", "a", "-o", "/dev/null"}));

}  // namespace
}  // namespace fastio::test
