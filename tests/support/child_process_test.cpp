#include "support/child_process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "support/leak_check.hpp"
#include "support/pipe.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

TEST(ChildProcess, TellsHowItEnded) {
    EXPECT_EQ(ChildProcess::start("sh", {"-c", "exit 3"}).wait(), (ExitStatus{3, 0}));
    EXPECT_EQ(ChildProcess::start("sh", {"-c", "kill -TERM $$"}).wait(), (ExitStatus{-1, SIGTERM}));
    EXPECT_EQ(ChildProcess::start("sleep", {"1000"}).kill(), (ExitStatus{-1, SIGKILL}));
}

TEST(ChildProcess, IsAwaitedForAsLongAsOneLikes) {
    const Pipe pipe = make_pipe();
    ChildOptions options;
    options.descriptors = {pipe.read.get()};
    auto child = ChildProcess::start("sh", {"-c", "read line <&3; exit 5"}, options);
    EXPECT_EQ(child.wait_for(std::chrono::milliseconds(1)), std::nullopt);
    send_byte(pipe.write.get(), '\n');
    EXPECT_EQ(child.wait_for(std::chrono::hours(1)), (ExitStatus{5, 0}));
}

TEST(ChildProcess, ThatWasAbandonedIsNeitherKilledNorReaped) {
    const Watchdog watchdog("the end of a child that was abandoned");
    pid_t pid = 0;
    {
        ChildOptions options;
        options.capture_output = true;
        auto child = ChildProcess::start("sh", {"-c", "echo said; exec sleep 1000"}, options);
        child.wait_for_output("said");
        pid = child.pid();
        child.abandon();
        EXPECT_EQ(child.output(), "said\n");
    }
    EXPECT_EQ(::kill(pid, SIGTERM), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST(ChildProcess, AProgramThatDoesNotExistIsAnError) {
    const LeakCheck leaks;
    EXPECT_THROW((void)ChildProcess::start("/no/such/program"), std::system_error);
    EXPECT_EQ(leaks.difference(), "");
}

TEST(ChildProcess, GetsEnvironmentFolderAndArguments) {
    ChildOptions options;
    options.capture_output = true;
    options.environment = {{"FASTIO_TEST_VALUE", "a b"}};
    options.unset = {"HOME"};
    options.folder = "/proc";
    auto child = ChildProcess::start(
        "sh", {"-c", "echo \"$FASTIO_TEST_VALUE|$HOME|$PWD|$1\"; echo err >&2", "sh", "x y"}, options);
    EXPECT_EQ(child.wait(), (ExitStatus{0, 0}));
    EXPECT_EQ(child.output(), "a b||/proc|x y\nerr\n");
}

TEST(ChildProcess, GetsTheDescriptorsInOrderAndNoOthers) {
    const Pipe first = make_pipe();
    const Pipe second = make_pipe();
    ChildOptions options;
    options.descriptors = {second.write.get(), first.write.get(), second.write.get()};
    options.capture_output = true;
    auto child = ChildProcess::start("sh", {"-c", "printf A >&3; printf B >&4; printf C >&5; ls /proc/$$/fd"}, options);
    EXPECT_EQ(child.wait(), (ExitStatus{0, 0}));
    EXPECT_EQ(wait_for_byte(second.read.get()), 'A');
    EXPECT_EQ(wait_for_byte(first.read.get()), 'B');
    EXPECT_EQ(wait_for_byte(second.read.get()), 'C');
    EXPECT_EQ(child.output(), "0\n1\n2\n3\n4\n5\n");
}

TEST(ChildProcess, StopsAndGoesOn) {
    const Watchdog watchdog("a stopped child that goes on");
    const Pipe pipe = make_pipe();
    ChildOptions options;
    options.descriptors = {pipe.read.get()};
    auto child = ChildProcess::start("sh", {"-c", "read line <&3; exit 5"}, options);
    child.stop();
    std::ifstream status("/proc/" + std::to_string(child.pid()) + "/stat");
    std::string text;
    std::getline(status, text);
    EXPECT_NE(text.find(") T "), std::string::npos) << text;
    send_byte(pipe.write.get(), '\n');
    EXPECT_FALSE(child.try_wait());
    child.resume();
    EXPECT_EQ(child.wait(), (ExitStatus{5, 0}));
}

TEST(ChildProcess, WaitsForOutputAndTellsWhenItCannotCome) {
    const Watchdog watchdog("output of a child");
    ChildOptions options;
    options.capture_output = true;
    auto child = ChildProcess::start("sh", {"-c", "echo ready; exec sleep 1000"}, options);
    child.wait_for_output("ready");
    child.kill();
    EXPECT_THROW(child.wait_for_output("never written"), std::runtime_error);
}

TEST(ChildProcess, LeaksNothing) {
    const LeakCheck leaks;
    {
        ChildOptions options;
        options.capture_output = true;
        auto first = ChildProcess::start("sleep", {"1000"}, options);
        auto second = std::move(first);
        first = ChildProcess::start("sleep", {"1000"});
        first = std::move(second);
    }
    EXPECT_EQ(leaks.difference(), "");
}

TEST(LeakCheck, SeesDescriptorsComeAndGo) {
    const LeakCheck leaks;
    Pipe pipe = make_pipe();
    EXPECT_NE(leaks.difference().find("descriptor " + std::to_string(pipe.read.get())), std::string::npos);
    pipe = {};
    EXPECT_EQ(leaks.difference(), "");
}

}  // namespace
}  // namespace fastio::test
