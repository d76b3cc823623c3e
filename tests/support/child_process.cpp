#include "support/child_process.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "support/pipe.hpp"

namespace fastio::test {
namespace {

constexpr int kFirstDescriptor = 3;

[[noreturn]] void fail_os(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::vector<std::string> environment_for(const ChildOptions& options) {
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        const std::string name = text.substr(0, text.find('='));
        const bool unset = std::find(options.unset.begin(), options.unset.end(), name) != options.unset.end();
        if (!unset && !options.environment.contains(name)) {
            result.push_back(text);
        }
    }
    for (const auto& [name, value] : options.environment) {
        result.push_back(name + "=" + value);
    }
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

/// What the child needs, made before the fork: after it, a child of a process with threads may only make system calls.
struct Plan {
    std::vector<char*> arguments;
    std::vector<char*> environment;
    std::vector<int> sources;  ///< all above their destinations
    const char* folder;
    int output;
    int report;  ///< close-on-exec, above all destinations: errno if something fails
    bool die_with_parent;
    pid_t parent;
};

[[noreturn]] void become(const Plan& plan) {
    const auto give_up = [&] {
        const int error = errno;
        [[maybe_unused]] const ssize_t written = ::write(plan.report, &error, sizeof(error));
        ::_exit(127);
    };
    if (plan.die_with_parent && (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != plan.parent)) {
        give_up();
    }
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (plan.output >= 0 && (::dup2(plan.output, STDOUT_FILENO) < 0 || ::dup2(plan.output, STDERR_FILENO) < 0)) {
        give_up();
    }
    int next = kFirstDescriptor;
    for (const int source : plan.sources) {
        if (::dup2(source, next++) < 0) {
            give_up();
        }
    }
    // What the test opened without close-on-exec is none of the child's business.
    ::syscall(SYS_close_range, static_cast<unsigned>(next), ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    if (*plan.folder != '\0' && ::chdir(plan.folder) != 0) {
        give_up();
    }
    ::execvpe(plan.arguments[0], plan.arguments.data(), plan.environment.data());
    give_up();
    ::_exit(127);
}

Descriptor duplicate_above(int fd, int lowest) {
    Descriptor copy{::fcntl(fd, F_DUPFD_CLOEXEC, lowest)};
    if (!copy) {
        fail_os("duplicate descriptor " + std::to_string(fd) + " for a child");
    }
    return copy;
}

ExitStatus from_wait(int status) {
    return WIFEXITED(status) ? ExitStatus{WEXITSTATUS(status), 0} : ExitStatus{-1, WTERMSIG(status)};
}

}  // namespace

std::string beside_this_program(const std::string& name) {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

std::string to_string(const ExitStatus& status) {
    return status.signal != 0 ? "signal " + std::to_string(status.signal) : "exit " + std::to_string(status.code);
}

ChildProcess ChildProcess::start(const std::string& program, const std::vector<std::string>& arguments,
                                 const ChildOptions& options) {
    ChildProcess child;
    if (options.capture_output) {
        // One open file for both streams: they share its offset, so that neither overwrites the other.
        child.output_ = Descriptor{::memfd_create("child-output", MFD_CLOEXEC)};
        if (!child.output_) {
            fail_os("make a file for a child's output");
        }
    }
    std::vector<std::string> argument_texts{program};
    argument_texts.insert(argument_texts.end(), arguments.begin(), arguments.end());
    std::vector<std::string> environment_texts = environment_for(options);

    const int lowest_free = kFirstDescriptor + static_cast<int>(options.descriptors.size());
    std::vector<Descriptor> moved;
    Plan plan{pointers(argument_texts),
              pointers(environment_texts),
              {},
              options.folder.c_str(),
              -1,
              -1,
              ::gettid() == ::getpid(),
              ::getpid()};
    for (const int fd : options.descriptors) {
        plan.sources.push_back(moved.emplace_back(duplicate_above(fd, lowest_free)).get());
    }
    if (child.output_) {
        plan.output = moved.emplace_back(duplicate_above(child.output_.get(), lowest_free)).get();
    }
    Pipe report = make_pipe();
    plan.report = moved.emplace_back(duplicate_above(report.write.get(), lowest_free)).get();
    report.write.reset();

    child.pid_ = ::fork();
    if (child.pid_ < 0) {
        child.pid_ = 0;
        fail_os("fork");
    }
    if (child.pid_ == 0) {
        become(plan);
    }
    moved.clear();
    int error = 0;
    ssize_t got = 0;
    do {
        got = ::read(report.read.get(), &error, sizeof(error));  // ends when exec closes the pipe
    } while (got < 0 && errno == EINTR);
    if (got == sizeof(error)) {
        child.wait();
        errno = error;
        fail_os("start " + program);
    }
    return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      output_(std::move(other.output_)),
      status_(std::exchange(other.status_, std::nullopt)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    if (this != &other) {
        end();
        pid_ = std::exchange(other.pid_, 0);
        output_ = std::move(other.output_);
        status_ = std::exchange(other.status_, std::nullopt);
    }
    return *this;
}

ChildProcess::~ChildProcess() {
    end();
}

void ChildProcess::end() noexcept {
    if (pid_ > 0 && !status_) {
        ::kill(pid_, SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

void ChildProcess::signal(int number) {
    if (pid_ > 0 && !status_ && ::kill(pid_, number) != 0) {
        fail_os("send signal " + std::to_string(number) + " to process " + std::to_string(pid_));
    }
}

ExitStatus ChildProcess::kill() {
    signal(SIGKILL);
    return wait();
}

void ChildProcess::stop() {
    signal(SIGSTOP);
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED) != 0) {
        if (errno != EINTR) {
            fail_os("wait until process " + std::to_string(pid_) + " is stopped");
        }
    }
}

void ChildProcess::resume() {
    signal(SIGCONT);
}

ExitStatus ChildProcess::wait() {
    while (!status_) {
        int status = 0;
        if (::waitpid(pid_, &status, 0) == pid_) {
            status_ = from_wait(status);
        } else if (errno != EINTR) {
            fail_os("wait for process " + std::to_string(pid_));
        }
    }
    return *status_;
}

std::optional<ExitStatus> ChildProcess::try_wait() {
    if (!status_) {
        int status = 0;
        const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
        if (ended < 0 && errno != EINTR) {
            fail_os("look at process " + std::to_string(pid_));
        }
        if (ended == pid_) {
            status_ = from_wait(status);
        }
    }
    return status_;
}

std::optional<ExitStatus> ChildProcess::wait_for(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    std::optional<ExitStatus> status = try_wait();
    while (!status && std::chrono::steady_clock::now() < end) {
        ::usleep(1000);  // a process cannot be waited for with a limit without a handler of signals
        status = try_wait();
    }
    return status;
}

void ChildProcess::wait_for_output(const std::string& text) {
    for (;;) {
        const bool ended = try_wait().has_value();  // first, so that its last words are looked at
        if (output().find(text) != std::string::npos) {
            return;
        }
        if (ended) {
            throw std::runtime_error("process " + std::to_string(pid_) + " ended (" + to_string(*status_) +
                                     ") before it wrote '" + text + "'. It wrote:\n" + output());
        }
        ::usleep(1000);  // a file cannot be waited for
    }
}

std::string ChildProcess::output() const {
    std::string text;
    std::array<char, 4096> part;
    for (;;) {
        const ssize_t got = ::pread(output_.get(), part.data(), part.size(), static_cast<off_t>(text.size()));
        if (got < 0) {
            fail_os("read a child's output (was it captured?)");
        }
        if (got == 0) {
            return text;
        }
        text.append(part.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace fastio::test
