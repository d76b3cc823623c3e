#include "cli/supervisor.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "cli/fail.hpp"

namespace fastio::cli {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
/// A pipe holds 1 MiB at most unless root made it larger; so this is all that an ended process can have left in it.
/// Bounded, because a process that left the group may still be writing.
constexpr std::size_t kMostLeftBytes = std::size_t{1} << 20;

}  // namespace

Supervisor::Supervisor(SupervisorReports reports, std::chrono::nanoseconds grace)
    : reports_(std::move(reports)), grace_(grace) {}

void Supervisor::start(const ChildSpec& spec) {
    const std::string name = spec.name;
    const auto start = Clock::now();
    running_.push_back(
        {name, Child(spec), Lines([this, name](std::string_view line) { reports_.line(name, line); }), start});
    reports_.started(name, running_.back().child.pid());
}

void Supervisor::add_source(int fd, std::function<void()> on_readable) {
    sources_.push_back({fd, std::move(on_readable)});
}

void Supervisor::stop() {
    if (stopping_) {
        kill_all();
        return;
    }
    stopping_ = true;
    kill_at_ = Clock::now() + grace_;
    for (const Running& process : running_) {
        process.child.signal(SIGTERM);
        // A stopped process acts on SIGTERM only when it goes on.
        process.child.signal(SIGCONT);
    }
}

void Supervisor::kill_all() {
    killed_ = true;
    for (const Running& process : running_) {
        process.child.signal(SIGKILL);
    }
}

void Supervisor::run() {
    while (!running_.empty()) {
        wait_and_handle();
        if (stopping_ && !killed_ && Clock::now() >= kill_at_) {
            kill_all();
        }
    }
}

int Supervisor::poll_timeout_ms() const {
    if (!stopping_ || killed_) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(kill_at_ - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void Supervisor::wait_and_handle() {
    std::vector<pollfd> polled;
    for (const Running& process : running_) {
        polled.push_back({process.child.pidfd(), POLLIN, 0});
        polled.push_back({process.child.output() ? process.child.output().get() : -1, POLLIN, 0});
    }
    for (const Source& source : sources_) {
        polled.push_back({source.fd, POLLIN, 0});
    }
    if (::poll(polled.data(), polled.size(), poll_timeout_ms()) < 0) {
        if (errno == EINTR) {
            return;
        }
        fail(Errc::io_error, "cannot wait for the processes: {}", os_error());
    }
    auto next = polled.begin();
    std::vector<std::list<Running>::iterator> ended;
    for (auto process = running_.begin(); process != running_.end(); ++process) {
        const bool has_ended = (next++)->revents != 0;
        const bool has_output = (next++)->revents != 0;
        if (has_output) {
            read_output(*process, kReadBytes);
        }
        if (has_ended) {
            ended.push_back(process);
        }
    }
    // Before the ends, so that what a process published is told before that it ended.
    for (const Source& source : sources_) {
        if ((next++)->revents != 0) {
            source.on_readable();
        }
    }
    for (const auto process : ended) {
        finish(*process);
        running_.erase(process);
    }
    if (failure_ && !stopping_) {
        stop();
    }
}

void Supervisor::read_output(Running& process, std::size_t most_bytes) {
    std::array<char, kReadBytes> buffer;
    while (process.child.output() && most_bytes > 0) {
        const ssize_t got = ::read(process.child.output().get(), buffer.data(), std::min(buffer.size(), most_bytes));
        if (got > 0) {
            process.lines.add({buffer.data(), static_cast<std::size_t>(got)});
            most_bytes -= static_cast<std::size_t>(got);
        } else if (got == 0) {
            process.child.close_output();
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            process.child.close_output();
        }
    }
}

void Supervisor::finish(Running& process) {
    const ExitStatus status = process.child.reap();
    read_output(process, kMostLeftBytes);
    process.child.close_output();
    process.lines.finish();
    ProcessEnd end{process.name, status, Clock::now() - process.start, {}};
    end.last_lines.assign(process.lines.last().begin(), process.lines.last().end());
    // What ends after the others were told to end did not fail by itself.
    if (!status.ok() && !stopping_ && !failure_) {
        failure_ = end;
    }
    reports_.ended(end);
    ends_.push_back(std::move(end));
}

}  // namespace fastio::cli
