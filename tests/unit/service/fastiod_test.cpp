#include <signal.h>

#include <filesystem>

#include "running_service.hpp"
#include "support/child_process.hpp"

namespace fastio::test {
namespace {

class FastiodTest : public ::testing::Test {
protected:
    ChildProcess start(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"--socket", folder.file("s")});
        ChildOptions options;
        options.capture_output = true;
        ChildProcess fastiod = ChildProcess::start(FASTIOD, arguments, options);
        return fastiod;
    }

    TempDir folder;
};

TEST_F(FastiodTest, ServesAndEndsCleanlyOnSigterm) {
    ChildProcess fastiod = start({"--device", "host", "--pool-max", "8M", "--linger", "0.5"});
    fastiod.wait_for_output("listening at " + folder.file("s"));
    const auto client = RawClient::member(folder.file("s"));
    EXPECT_EQ(client->totals().pool_max, 8 * kMiB);
    EXPECT_EQ(client->create(10).capacity, 256U);
    fastiod.signal(SIGTERM);
    EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
    EXPECT_FALSE(std::filesystem::exists(folder.file("s")));
}

TEST_F(FastiodTest, ASecondOneEndsWithStatus1) {
    ChildProcess first = start({});
    first.wait_for_output("listening");
    ChildProcess second = start({});
    EXPECT_EQ(second.wait(), (ExitStatus{1, 0}));
    EXPECT_NE(second.output().find("already listens"), std::string::npos);
    EXPECT_EQ(RawClient::member(folder.file("s"))->totals().sessions, 1U);
    first.signal(SIGINT);
    EXPECT_EQ(first.wait(), (ExitStatus{0, 0}));
}

TEST_F(FastiodTest, TakesTheSocketOfOneThatWasKilled) {
    ChildProcess first = start({});
    first.wait_for_output("listening");
    first.kill();
    ASSERT_TRUE(std::filesystem::exists(folder.file("s")));
    ChildProcess second = start({});
    second.wait_for_output("listening");
    EXPECT_EQ(RawClient::member(folder.file("s"))->totals().sessions, 1U);
}

TEST_F(FastiodTest, WrongUsageEndsWithStatus2) {
    EXPECT_EQ(start({"--no-such-option"}).wait(), (ExitStatus{2, 0}));
    EXPECT_EQ(start({"--pool-max", "many"}).wait(), (ExitStatus{2, 0}));
    EXPECT_EQ(start({"--log-level", "loud"}).wait(), (ExitStatus{2, 0}));
}

TEST_F(FastiodTest, ADeviceThatIsNotThereEndsWithStatus1) {
    ChildProcess fastiod = start({"--device", "cuda:0"});
    EXPECT_EQ(fastiod.wait(), (ExitStatus{1, 0}));
    EXPECT_NE(fastiod.output().find("cuda:0"), std::string::npos);
}

TEST_F(FastiodTest, ReadsItsOptionsFromAFile) {
    write_file(folder.file("config"), "pool-max=\"16M\"\nmax-clients=3\n");
    ChildProcess fastiod = start({"--config", folder.file("config")});
    fastiod.wait_for_output("listening");
    EXPECT_EQ(RawClient::visitor(folder.file("s"))->totals().pool_max, 16 * kMiB);
}

TEST_F(FastiodTest, SaysItsVersion) {
    ChildProcess fastiod = start({"--version"});
    EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
    EXPECT_EQ(fastiod.output(), "fastiod 0.1.0\n");
}

}  // namespace
}  // namespace fastio::test
