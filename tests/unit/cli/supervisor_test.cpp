#include "cli/supervisor.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <stdexcept>

#include <fastio/error.hpp>

namespace fastio::cli {
namespace {

using namespace std::chrono_literals;

class SupervisorOfShells : public testing::Test {
protected:
    ChildSpec shell(const std::string& name, const std::string& script) {
        ChildSpec spec;
        spec.name = name;
        spec.program = "/bin/sh";
        spec.arguments = {"sh", "-c", script};
        spec.environment = environment_with({{"WHO", name}});
        return spec;
    }

    SupervisorReports reports() {
        return {.started = [this](const std::string& name, pid_t pid) { pids_[name] = pid; },
                .line = [this](const std::string& name, std::string_view line) { on_line(name, std::string(line)); },
                .ended = [this](const ProcessEnd& end) { ended_.push_back(end.name); }};
    }

    virtual void on_line(const std::string& name, const std::string& line) { lines_[name].push_back(line); }

    /// Ended, and known to have ended by whoever started it.
    static bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

    std::map<std::string, pid_t> pids_;
    std::map<std::string, std::vector<std::string>> lines_;
    std::vector<std::string> ended_;
};

TEST_F(SupervisorOfShells, runs_side_by_side_until_all_have_ended) {
    // Each waits for the other through a pair of pipes in /proc: they end only when both run at once.
    Supervisor supervisor(reports(), 1h);
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const std::string folder = "/proc/" + std::to_string(::getpid()) + "/fd/";
    supervisor.start(shell("reader", "read word < " + folder + std::to_string(pipe[0]) + "; echo got $word"));
    supervisor.start(shell("writer", "echo hello > " + folder + std::to_string(pipe[1])));
    supervisor.run();
    ::close(pipe[0]);
    ::close(pipe[1]);
    EXPECT_FALSE(supervisor.failure());
    EXPECT_FALSE(supervisor.stopped());
    ASSERT_EQ(supervisor.ends().size(), 2U);
    EXPECT_TRUE(supervisor.ends()[0].status.ok());
    EXPECT_EQ(lines_["reader"], std::vector<std::string>{"got hello"});
    EXPECT_EQ(ended_.size(), 2U);
}

TEST_F(SupervisorOfShells, output_and_errors_arrive_as_lines_whatever_their_pieces) {
    Supervisor supervisor(reports(), 1h);
    supervisor.start(shell("a", "printf 'on'; printf 'e\\ntw' >&2; printf 'o\\n\\nthree, unfinished'"));
    supervisor.run();
    EXPECT_EQ(lines_["a"], (std::vector<std::string>{"one", "two", "", "three, unfinished"}));
}

TEST_F(SupervisorOfShells, much_output_is_complete) {
    Supervisor supervisor(reports(), 1h);
    supervisor.start(shell("a", "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"));
    supervisor.run();
    ASSERT_EQ(lines_["a"].size(), 20000U);
    EXPECT_EQ(lines_["a"].front(), "line 0");
    EXPECT_EQ(lines_["a"].back(), "line 19999");
}

TEST_F(SupervisorOfShells, a_child_has_its_environment_folder_and_an_empty_input) {
    Supervisor supervisor(reports(), 1h);
    ChildSpec spec = shell("a", "echo $WHO; pwd; cat; ps -o pgid= -p $$ | tr -d ' '");
    spec.folder = "/usr";
    supervisor.start(spec);
    supervisor.run();
    EXPECT_EQ(lines_["a"], (std::vector<std::string>{"a", "/usr", std::to_string(pids_["a"])}));
}

TEST_F(SupervisorOfShells, one_that_fails_is_named_with_its_status_and_last_lines) {
    Supervisor supervisor(reports(), 1h);
    supervisor.start(shell("a", "for i in 1 2 3 4 5 6 7; do echo line $i; done; exit 3"));
    supervisor.run();
    ASSERT_TRUE(supervisor.failure());
    EXPECT_EQ(supervisor.failure()->name, "a");
    EXPECT_EQ(to_string(supervisor.failure()->status), "status 3");
    EXPECT_EQ(supervisor.failure()->last_lines,
              (std::vector<std::string>{"line 3", "line 4", "line 5", "line 6", "line 7"}));
}

TEST_F(SupervisorOfShells, one_that_a_signal_ends_is_named_with_it) {
    Supervisor supervisor(reports(), 1h);
    supervisor.start(shell("a", "kill -SEGV $$"));
    supervisor.run();
    ASSERT_TRUE(supervisor.failure());
    EXPECT_EQ(to_string(supervisor.failure()->status), "signal 11 (Segmentation fault)");
}

TEST_F(SupervisorOfShells, a_failure_ends_the_others_and_only_it_is_the_failure) {
    Supervisor supervisor(reports(), 1h);
    supervisor.start(shell("sleeper", "sleep 1000000"));
    supervisor.start(shell("a", "exit 3"));
    supervisor.run();
    ASSERT_TRUE(supervisor.failure());
    EXPECT_EQ(supervisor.failure()->name, "a");
    EXPECT_TRUE(supervisor.stopped());
    ASSERT_EQ(supervisor.ends().size(), 2U);
    EXPECT_EQ(supervisor.ends()[1].status.signal, SIGTERM);
}

class SupervisorWithACue : public SupervisorOfShells {
protected:
    /// Stops the run when a process has written "ready" as often as asked for.
    void on_line(const std::string& name, const std::string& line) override {
        SupervisorOfShells::on_line(name, line);
        if (line == "ready" && --awaited_ == 0) {
            supervisor_.stop();
        }
    }

    int awaited_ = 1;
    Supervisor supervisor_{reports(), 0s};
};

TEST_F(SupervisorWithACue, one_that_ignores_the_request_to_end_is_killed_after_the_grace) {
    supervisor_.start(shell("a", "trap '' TERM; echo ready; while :; do sleep 1000000; done"));
    supervisor_.run();
    ASSERT_EQ(supervisor_.ends().size(), 1U);
    EXPECT_EQ(supervisor_.ends()[0].status.signal, SIGKILL);
    EXPECT_FALSE(supervisor_.failure());
}

TEST_F(SupervisorOfShells, a_stopped_process_is_ended_too) {
    Supervisor supervisor(reports(), 1h);
    supervisor.start(shell("stopped", "kill -STOP $$"));
    supervisor.start(shell(
        "a", "until grep -q 'State:.T' /proc/" + std::to_string(pids_["stopped"]) + "/status; do :; done; exit 3"));
    supervisor.run();
    ASSERT_EQ(supervisor.ends().size(), 2U);
    EXPECT_EQ(supervisor.ends()[1].status.signal, SIGTERM);
}

TEST_F(SupervisorOfShells, stopping_twice_does_not_wait_for_the_grace) {
    const int cue = ::eventfd(0, EFD_CLOEXEC);
    Supervisor supervisor({.started = [](const std::string&, pid_t) {},
                           .line =
                               [&](const std::string&, std::string_view) {
                                   const std::uint64_t one = 1;
                                   ASSERT_EQ(::write(cue, &one, sizeof one), 8);
                               },
                           .ended = [](const ProcessEnd&) {}},
                          1h);
    supervisor.add_source(cue, [&] { supervisor.stop(); });  // stays readable: called again and again
    supervisor.start(shell("a", "trap '' TERM; echo ready; while :; do sleep 1000000; done"));
    supervisor.run();
    ::close(cue);
    EXPECT_EQ(supervisor.ends().at(0).status.signal, SIGKILL);
}

TEST_F(SupervisorOfShells, what_a_child_leaves_running_ends_with_it) {
    Supervisor supervisor(reports(), 1h);
    supervisor.start(shell("a", "sleep 1000000 & echo left $!"));
    supervisor.run();  // also: does not wait for the sleeper, which has the output open
    EXPECT_TRUE(supervisor.ends().at(0).status.ok());
    ASSERT_EQ(lines_["a"].size(), 1U);
    const pid_t left = std::stoi(lines_["a"][0].substr(5));
    // Killed and, until its new parent notices, a zombie: never running.
    while (::kill(left, 0) == 0) {
        FILE* const status = std::fopen(("/proc/" + std::to_string(left) + "/stat").c_str(), "r");
        char state = 'X';
        if (status != nullptr) {
            ASSERT_GE(std::fscanf(status, "%*d %*s %c", &state), 0);
            std::fclose(status);
        }
        if (state == 'Z' || state == 'X') {
            break;
        }
    }
}

TEST_F(SupervisorOfShells, what_cannot_be_started_is_an_error_and_ends_the_others) {
    pid_t first = 0;
    {
        Supervisor supervisor(reports(), 1h);
        supervisor.start(shell("a", "sleep 1000000"));
        first = pids_["a"];
        ChildSpec spec = shell("b", "");
        spec.program = "/proc/self/status";
        try {
            supervisor.start(spec);
            FAIL();
        } catch (const Error& error) {
            EXPECT_EQ(error.errc(), Errc::io_error);
            EXPECT_STREQ(error.what(), "cannot start b (/proc/self/status): Permission denied");
        }
        EXPECT_FALSE(is_gone(first));
    }
    EXPECT_TRUE(is_gone(first));
    EXPECT_FALSE(pids_.contains("b"));
}

TEST_F(SupervisorOfShells, a_missing_working_folder_is_an_error) {
    Supervisor supervisor(reports(), 1h);
    ChildSpec spec = shell("a", "exit 0");
    spec.folder = "/no/such/folder";
    EXPECT_THROW(supervisor.start(spec), Error);
}

TEST_F(SupervisorOfShells, what_a_source_throws_goes_through_and_ends_all) {
    pid_t first = 0;
    {
        Supervisor supervisor(reports(), 1h);
        const int cue = ::eventfd(1, EFD_CLOEXEC);
        supervisor.add_source(cue, [] { throw std::runtime_error("the source says no"); });
        supervisor.start(shell("a", "sleep 1000000"));
        first = pids_["a"];
        EXPECT_THROW(supervisor.run(), std::runtime_error);
        ::close(cue);
    }
    EXPECT_TRUE(is_gone(first));
}

TEST(ExitStatus, is_told_in_words) {
    EXPECT_EQ(to_string(ExitStatus{7, 0}), "status 7");
    EXPECT_EQ(to_string(ExitStatus{0, 9}), "signal 9 (Killed)");
}

TEST(Environment, changes_replace_what_is_there) {
    ::setenv("FASTIO_TEST_A", "old", 1);
    const auto environment = environment_with({{"FASTIO_TEST_A", "new"}, {"FASTIO_TEST_B", "b=c"}});
    ::unsetenv("FASTIO_TEST_A");
    EXPECT_EQ(std::count(environment.begin(), environment.end(), "FASTIO_TEST_A=new"), 1);
    EXPECT_EQ(std::count(environment.begin(), environment.end(), "FASTIO_TEST_A=old"), 0);
    EXPECT_EQ(std::count(environment.begin(), environment.end(), "FASTIO_TEST_B=b=c"), 1);
}

}  // namespace
}  // namespace fastio::cli
