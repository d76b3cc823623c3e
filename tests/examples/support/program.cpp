#include "support/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace brain_mri::testing {

namespace {

struct Pipe {
    std::array<int, 2> ends{-1, -1};
    Pipe() {
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            throw std::runtime_error("pipe2 failed");
        }
    }
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

/// False at the end of the stream.
bool read_some(int descriptor, std::string& into) {
    std::array<char, 4096> part{};
    const ssize_t count = ::read(descriptor, part.data(), part.size());
    if (count > 0) {
        into.append(part.data(), static_cast<std::size_t>(count));
    }
    return count > 0;
}

}  // namespace

Program::Program(const std::string& name, std::vector<std::string> arguments,
                 const std::map<std::string, std::string>& environment) {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string entry = *variable;
        if (!entry.starts_with("FASTIO_") || entry.starts_with("FASTIO_EMU_")) {
            variables.emplace_back(*variable);
        }
    }
    for (const auto& [key, value] : environment) {
        variables.push_back(key + "=" + value);
    }
    // Beside this program, which may have been moved with the build.
    const std::string path = std::filesystem::read_symlink("/proc/self/exe").replace_filename(name).string();
    arguments.insert(arguments.begin(), path);

    Pipe output;
    Pipe errors;
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, output.ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, errors.ends[1], STDERR_FILENO);
    const int error =
        ::posix_spawn(&pid_, path.c_str(), &actions, nullptr, pointers(arguments).data(), pointers(variables).data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(output.ends[1]);
    ::close(errors.ends[1]);
    output_ = output.ends[0];
    errors_ = errors.ends[0];
    if (error != 0) {
        pid_ = -1;
        throw std::runtime_error("cannot start " + path);
    }
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      errors_(std::exchange(other.errors_, -1)) {}

Program::~Program() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    for (const int descriptor : {output_, errors_}) {
        if (descriptor >= 0) {
            ::close(descriptor);
        }
    }
}

void Program::signal(int number) const {
    ::kill(pid_, number);
    if (number == SIGSTOP) {
        ::waitpid(pid_, nullptr, WUNTRACED);  // from now on it does nothing
    }
}

Outcome Program::wait() {
    Outcome outcome;
    std::array<pollfd, 2> streams{pollfd{output_, POLLIN, 0}, pollfd{errors_, POLLIN, 0}};
    while (streams[0].fd >= 0 || streams[1].fd >= 0) {
        ::poll(streams.data(), streams.size(), -1);
        for (std::size_t i = 0; i < streams.size(); ++i) {
            if (streams[i].revents != 0 && !read_some(streams[i].fd, i == 0 ? outcome.output : outcome.errors)) {
                streams[i].fd = -1;
            }
        }
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return outcome;
}

}  // namespace brain_mri::testing
