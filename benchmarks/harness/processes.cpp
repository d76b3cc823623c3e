#include "processes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace fastio::bench {
namespace {

std::string make_folder() {
    std::string folder = (std::filesystem::temp_directory_path() / "fastio-bench-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) {
        throw std::runtime_error("mkdtemp failed: " + folder);
    }
    return folder;
}

std::string fastiod_path() {
    return (std::filesystem::path(self()).parent_path() / "fastiod").string();
}

}  // namespace

std::string self() {
    return std::filesystem::read_symlink("/proc/self/exe").string();
}

Process::Process(const std::vector<std::string>& command, std::span<const int> inherited) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) {
        arguments.push_back(const_cast<char*>(word.c_str()));  // execv's signature is older than const
    }
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) {
        throw std::runtime_error("fork failed");
    }
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (const int fd : inherited) {
            ::fcntl(fd, F_SETFD, 0);
        }
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
}

Process::Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

Process::~Process() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

PrivateService::PrivateService(const std::string& device)
    : folder_(make_folder()),
      socket_(folder_ + "/fastiod.sock"),
      process_({fastiod_path(), "--socket", socket_, "--device", device, "--log-level", "error"}, {}) {}

PrivateService::~PrivateService() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void pin(pid_t pid, unsigned processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    // A machine with one processor keeps running on it; the figures then say so by themselves.
    (void)::sched_setaffinity(pid, sizeof(set), &set);
}

std::chrono::nanoseconds cpu_time(pid_t pid) {
    clockid_t clock{};
    timespec now{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &now) != 0) {
        throw std::runtime_error(fmt::format("no CPU clock for process {}", pid));
    }
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::uint64_t status_value(pid_t pid, const std::string& key) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    std::string word;
    while (status >> word) {
        if (word == key + ":") {
            std::uint64_t value = 0;
            status >> value;
            return value;
        }
    }
    throw std::runtime_error(fmt::format("/proc/{}/status has no {}", pid, key));
}

}  // namespace fastio::bench
