// The kernel's own calls fail under fastiod, by strace: a check on the seam. Whatever fastiod asks of the kernel from
// its first own call to its end, libc's calls for itself included, may fail.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <map>
#include <set>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"
#include "wire/socket.hpp"

namespace fastio::test {
namespace {

// What the seam fails, by the kernel's names.
const std::set<std::string> kInTheSeam{
    "mmap", "madvise", "memfd_create", "ftruncate", "fallocate", "socket", "socketpair", "pipe2", "bind", "listen",
    "accept4", "connect", "sendmsg", "recvmsg", "sendto", "recvfrom", "getsockopt", "setsockopt", "epoll_create1",
    "epoll_ctl", "eventfd2", "signalfd4", "poll", "ppoll", "timerfd_create", "flock", "getrandom", "mkdir", "chmod",
    "chown", "fchmodat", "fchmodat2", "fchownat", "renameat", "unlinkat", "stat", "lstat", "newfstatat", "readlink",
    "prlimit64", "openat", "open", "fcntl", "read", "write", "pidfd_open", "clone3", "clone", "epoll_wait",
    "epoll_pwait",
    // before Linux 5.14
    "process_vm_readv"};
// What does not fail for want of anything, or what libc itself takes for impossible. (clock_gettime asks the kernel for
// a thread's own time only, where a request took long.)
const std::set<std::string> kCannotFail{"close",           "munmap",          "exit",          "exit_group",
                                        "rt_sigaction",    "rt_sigprocmask",  "getpid",        "gettid",
                                        "geteuid",         "futex",           "ioctl",         "prctl",
                                        "sched_yield",     "set_robust_list", "rseq",          "sched_getaffinity",
                                        "timerfd_settime", "getsockname",     "fstat",         "brk",
                                        "mprotect",        "clock_nanosleep", "clock_gettime", "uname",
                                        "sysinfo",         "lseek",           "rt_sigreturn",  "restart_syscall",
                                        "shutdown"};

struct Ended {
    ExitStatus status{};
    std::string output{};
};

// fastiod behind strace, told to stop once it listens.
Ended run_traced(std::vector<std::string> arguments) {
    const TempDir folder;
    const std::string socket = folder.file("s");
    // Detached: the service, not strace, is this process's child.
    arguments.insert(arguments.end(), {"-D", "-f", "-qqq", FASTIO_TEST_FASTIOD, "--socket", socket, "--device", "host",
                                       "--pool-max", "64M", "--log-level", "error"});
    ChildProcess fastiod = ChildProcess::start(FASTIO_TEST_STRACE, arguments, {.capture_output = true});
    std::optional<ExitStatus> status;
    while (!(status = fastiod.try_wait())) {
        try {
            const wire::Socket connection = wire::Socket::connect(socket);
        } catch (const Error&) {
            continue;
        }
        fastiod.signal(SIGTERM);
        status = fastiod.wait();
        break;
    }
    return {*status, fastiod.output()};
}

// Per call, its first and last number from fastiod's own first call on.
std::map<std::string, std::pair<int, int>> calls_of(const std::string& trace) {
    std::map<std::string, std::pair<int, int>> calls;
    std::map<std::string, int> counts;
    bool begun = false;
    std::ifstream lines(trace);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t name = line.find_first_not_of("0123456789 ");
        const std::size_t end = line.find('(');
        if (name == std::string::npos || end == std::string::npos || line.compare(name, 1, "<") == 0) {
            continue;
        }
        const std::string call = line.substr(name, end - name);
        begun = begun || line.find("PR_SET_DUMPABLE") != std::string::npos;
        const int number = ++counts[call];
        if (begun) {
            calls.try_emplace(call, number, number).first->second.second = number;
        }
    }
    return calls;
}

class NthFailureByStrace : public testing::Test {
protected:
    void SetUp() override {
        try {
            const TempDir folder;
            ChildProcess strace =
                ChildProcess::start(FASTIO_TEST_STRACE, {"-o", folder.file("t"), "true"}, {.capture_output = true});
            if (strace.wait() != ExitStatus{.code = 0, .signal = 0}) {
                GTEST_SKIP() << "strace may not trace here: " << strace.output();
            }
        } catch (const std::system_error& error) {
            GTEST_SKIP() << "there is no strace: " << error.what();
        }
        const Ended undisturbed = run_traced({"-o", folder_.file("trace")});
        ASSERT_EQ(undisturbed.status, (ExitStatus{.code = 0, .signal = 0})) << undisturbed.output;
        calls_ = calls_of(folder_.file("trace"));
        ASSERT_FALSE(calls_.empty());
    }

    TempDir folder_;
    std::map<std::string, std::pair<int, int>> calls_;
};

TEST_F(NthFailureByStrace, TheSeamKnowsEveryCallOfTheKernelThatFastiodMakes) {
    for (const auto& [call, numbers] : calls_) {
        EXPECT_TRUE(kInTheSeam.contains(call) || kCannotFail.contains(call)) << call;
    }
}

TEST_F(NthFailureByStrace, EveryCallOfAStartMayFail) {
    int runs = 0;
    for (const auto& [call, numbers] : calls_) {
        if (!kInTheSeam.contains(call)) {
            continue;
        }
        for (int nth = numbers.first; nth <= numbers.second; ++nth) {
            const Ended run = run_traced({"-o", "/dev/null", "-e", "trace=" + call, "-e",
                                          "inject=" + call + ":error=ENOMEM:when=" + std::to_string(nth)});
            const bool served = run.status == ExitStatus{.code = 0, .signal = 0};
            const bool said_why = (run.status.code == 1 || run.status.code == 2) &&
                                  run.output.starts_with("fastiod: ") && run.output.find('\n') == run.output.size() - 1;
            EXPECT_TRUE(served || said_why)
                << call << " " << nth << ": " << to_string(run.status) << ": " << run.output;
            ++runs;
        }
    }
    std::printf("fastiod under strace: %d runs\n", runs);
}

}  // namespace
}  // namespace fastio::test
