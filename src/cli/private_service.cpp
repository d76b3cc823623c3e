#include "cli/private_service.hpp"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <poll.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fastio/service.hpp>

#include "cli/fail.hpp"
#include "cli/programs.hpp"

namespace fastio::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::seconds kEndGrace{5};

bool ended_within(int pidfd, std::chrono::milliseconds time) {
    pollfd polled{pidfd, POLLIN, 0};
    return ::poll(&polled, 1, static_cast<int>(time.count())) == 1;
}

}  // namespace

PrivateFolder::PrivateFolder() {
    // A socket's path has at most 107 bytes, and some $TMPDIR are longer than what that leaves.
    constexpr std::size_t kMostParentBytes = 70;
    const char* const parents[] = {std::getenv("XDG_RUNTIME_DIR"), std::getenv("TMPDIR"), "/tmp"};
    int error = ENOENT;
    for (const char* const parent : parents) {
        if (parent == nullptr || *parent != '/' || std::string_view(parent).size() > kMostParentBytes) {
            continue;
        }
        std::string name = fs::path(parent) / "fastio-run-XXXXXX";
        if (::mkdtemp(name.data()) != nullptr) {
            path_ = name;
            return;
        }
        error = errno;
    }
    fail(Errc::io_error, "cannot make a private folder for the service in $XDG_RUNTIME_DIR, $TMPDIR or /tmp: {}",
         os_error(error));
}

PrivateFolder::~PrivateFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

PrivateService::PrivateService(const std::string& device, std::chrono::nanoseconds ready_timeout) {
    std::vector<fs::path> folders{own_folder()};
    const char* const path = std::getenv("PATH");
    for (fs::path& folder : folders_of_path(path == nullptr ? "" : path)) {
        folders.push_back(std::move(folder));
    }
    const auto program = find_program("fastiod", {}, folders);
    if (!program) {
        fail(Errc::not_found, "cannot start a service: there is no program fastiod beside this one in {} nor in $PATH",
             own_folder().string());
    }
    const fs::path log_file = folder_.path() / "fastiod.log";
    const Descriptor log(::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log) {
        fail(Errc::io_error, "cannot write {}: {}", log_file.string(), os_error());
    }
    ChildSpec spec;
    spec.name = "fastiod";
    spec.program = *program;
    spec.arguments = {"fastiod", "--socket", socket()};
    if (!device.empty()) {
        spec.arguments.insert(spec.arguments.end(), {"--device", device});
    }
    spec.environment = environment_with({{"NOTIFY_SOCKET", ""}});  // it is not the unit's own service
    spec.output_fd = log.get();
    spec.death_signal = SIGTERM;  // it then removes its socket
    child_.emplace(spec);
    wait_until_ready(ready_timeout);
}

PrivateService::~PrivateService() {
    if (end_status_) {
        return;
    }
    child_->signal(SIGTERM);
    if (!ended_within(child_->pidfd(), kEndGrace)) {
        child_->signal(SIGKILL);
    }
    child_->reap();
}

ExitStatus PrivateService::end_status() noexcept {
    if (!end_status_) {
        end_status_ = child_->reap();
    }
    return *end_status_;
}

void PrivateService::wait_until_ready(std::chrono::nanoseconds timeout) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        try {
            const Service probe(socket());
            return;
        } catch (const Error& error) {
            if (error.errc() != Errc::service_unreachable) {
                throw;
            }
        }
        // The pause between two tries ends at once when the service does.
        if (ended_within(child_->pidfd(), std::chrono::milliseconds(10))) {
            fail(Errc::service_unreachable, "the private service ended before it was ready; its last lines: {}",
                 last_words());
        }
        if (std::chrono::steady_clock::now() >= end) {
            fail(Errc::service_unreachable, "the private service at {} was not ready in time; its last lines: {}",
                 socket(), last_words());
        }
    }
}

bool PrivateService::has_ended() const {
    // A dying process closes its sockets, which its clients see, before its pidfd fires.
    return ended_within(child_->pidfd(), std::chrono::seconds(2));
}

Lines PrivateService::read_log(std::function<void(std::string_view)> on_line) const {
    std::ifstream log(folder_.path() / "fastiod.log", std::ios::binary);
    Lines lines(std::move(on_line));
    lines.add(std::string(std::istreambuf_iterator<char>(log), {}));
    lines.finish();
    return lines;
}

std::vector<std::string> PrivateService::warnings() const {
    constexpr std::string_view kMark = " warning fastiod: ";  // src/service/main.cpp
    std::vector<std::string> found;
    static_cast<void>(read_log([&](std::string_view line) {
        if (const std::size_t at = line.find(kMark); at != std::string_view::npos) {
            found.emplace_back(line.substr(at + kMark.size()));
        }
    }));
    return found;
}

std::string PrivateService::last_words() const {
    const Lines lines = read_log([](std::string_view) {});
    return lines.last().empty() ? "none" : fmt::format("{}", fmt::join(lines.last(), " | "));
}

}  // namespace fastio::cli
