#include "cli/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "cli/fail.hpp"

namespace fastio::cli {
namespace {

struct Pipe {
    Descriptor read;
    Descriptor write;
};

Pipe make_pipe(const std::string& for_what) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        fail(Errc::io_error, "cannot make a pipe to start {}: {}", for_what, os_error());
    }
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    out.reserve(strings.size() + 1);
    for (const std::string& s : strings) {
        out.push_back(const_cast<char*>(s.c_str()));  // execve's old signature; it changes nothing
    }
    out.push_back(nullptr);
    return out;
}

/// What the child does between fork and exec. Other threads of the parent may have held any lock at the fork, so only
/// async-signal-safe calls are made and nothing is allocated.
struct Launch {
    const char* program;
    char* const* arguments;
    char* const* environment;
    const char* folder;  // null: stay
    int input_fd;
    int output_fd;
    int error_fd;  // gets errno when exec or a step before it fails
    int death_signal;
    pid_t parent;

    [[noreturn]] void run() const noexcept {
        ::setpgid(0, 0);
        // The signal is lost when the parent died before this line, so the parent is checked after it.
        ::prctl(PR_SET_PDEATHSIG, death_signal);
        if (::getppid() != parent) {
            ::_exit(127);
        }
        for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
            ::signal(number, SIG_DFL);
        }
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        const bool ready = ::dup2(input_fd, STDIN_FILENO) >= 0 && ::dup2(output_fd, STDOUT_FILENO) >= 0 &&
                           ::dup2(output_fd, STDERR_FILENO) >= 0 && (folder == nullptr || ::chdir(folder) == 0);
        if (ready) {
            ::execve(program, arguments, environment);
        }
        const int error = errno;
        [[maybe_unused]] const ssize_t wrote = ::write(error_fd, &error, sizeof error);
        ::_exit(127);
    }
};

}  // namespace

std::string to_string(ExitStatus status) {
    return status.signal == 0 ? fmt::format("status {}", status.code)
                              : fmt::format("signal {} ({})", status.signal, ::strsignal(status.signal));
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& changes) {
    std::vector<std::string> out;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        if (!changes.contains(std::string(text.substr(0, text.find('='))))) {
            out.emplace_back(text);
        }
    }
    for (const auto& [key, value] : changes) {
        out.push_back(fmt::format("{}={}", key, value));
    }
    return out;
}

Child::Child(const ChildSpec& spec) {
    const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    Pipe output;
    if (spec.output_fd < 0) {
        output = make_pipe(spec.name);
        ::fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
    }
    Pipe failure = make_pipe(spec.name);
    const std::vector<char*> arguments = pointers(spec.arguments);
    const std::vector<char*> environment = pointers(spec.environment);
    const std::string folder = spec.folder.string();
    const Launch launch{.program = spec.program.c_str(),
                        .arguments = arguments.data(),
                        .environment = environment.data(),
                        .folder = folder.empty() ? nullptr : folder.c_str(),
                        .input_fd = nothing.get(),
                        .output_fd = spec.output_fd < 0 ? output.write.get() : spec.output_fd,
                        .error_fd = failure.write.get(),
                        .death_signal = spec.death_signal,
                        .parent = ::getpid()};
    pid_ = ::fork();
    if (pid_ == 0) {
        launch.run();
    }
    if (pid_ < 0) {
        pid_ = 0;
        fail(Errc::io_error, "cannot start {}: {}", spec.name, os_error());
    }
    // Here as well as in the child, so that the group exists whoever runs first. Fails after the exec: then it exists.
    ::setpgid(pid_, pid_);
    failure.write.reset();
    int error = 0;
    ssize_t got = 0;
    do {
        got = ::read(failure.read.get(), &error, sizeof error);  // ends with the exec, which closes the other end
    } while (got < 0 && errno == EINTR);
    // Through syscall, because the C library of Debian 12 declares pidfd_open without C linkage.
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (got > 0 || !pidfd_) {
        error = got > 0 ? error : errno;
        signal(SIGKILL);
        reap();
        fail(Errc::io_error, "cannot start {} ({}): {}", spec.name, spec.program.string(), os_error(error));
    }
    output_ = std::move(output.read);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)), output_(std::move(other.output_)) {}

Child::~Child() {
    if (pid_ != 0) {
        signal(SIGKILL);
        reap();
    }
}

void Child::signal(int number) const noexcept {
    if (pid_ != 0) {
        ::kill(-pid_, number);
    }
}

ExitStatus Child::reap() noexcept {
    // The zombie keeps the number of the group from being given to others while the rest of the group is killed.
    siginfo_t info{};
    int waited = 0;
    while ((waited = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT)) != 0 && errno == EINTR) {
    }
    if (waited != 0) {  // somebody else has reaped it: how it ended is not known, and its number may be another's
        pid_ = 0;
        return ExitStatus{-1, 0};
    }
    ::kill(-pid_, SIGKILL);
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
    }
    pid_ = 0;
    return info.si_code == CLD_EXITED ? ExitStatus{info.si_status, 0} : ExitStatus{0, info.si_status};
}

}  // namespace fastio::cli
