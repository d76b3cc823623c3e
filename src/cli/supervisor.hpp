#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/child.hpp"
#include "cli/lines.hpp"

namespace fastio::cli {

/// How one supervised process ended.
struct ProcessEnd {
    std::string name{};
    ExitStatus status{};
    std::chrono::nanoseconds ran{0};
    std::vector<std::string> last_lines{};
};

/// What a Supervisor tells while it runs. All are called from run() and start(); none may be empty.
struct SupervisorReports {
    std::function<void(const std::string& name, pid_t pid)> started;
    std::function<void(const std::string& name, std::string_view line)> line;
    std::function<void(const ProcessEnd& end)> ended;
};

/// Runs processes side by side until all have ended. The first that fails, or stop(), ends the others: they get
/// SIGTERM, and SIGKILL when the grace is over. *Threads:* one.
class Supervisor {
public:
    Supervisor(SupervisorReports reports, std::chrono::nanoseconds grace);

    /// Errors: io_error when it cannot be started.
    void start(const ChildSpec& spec);
    /// `on_readable` is called from run() while `fd` polls readable. The caller keeps the descriptor open.
    void add_source(int fd, std::function<void()> on_readable);

    /// Returns when no process is left. What a source throws goes through, and the destructor ends the processes.
    void run();
    /// Ends all processes; a second call ends the grace too.
    void stop();

    /// In the order in which they ended. Valid after run().
    [[nodiscard]] const std::vector<ProcessEnd>& ends() const noexcept { return ends_; }
    /// The first process that failed before anything was stopped.
    [[nodiscard]] const std::optional<ProcessEnd>& failure() const noexcept { return failure_; }
    [[nodiscard]] bool stopped() const noexcept { return stopping_; }

private:
    using Clock = std::chrono::steady_clock;
    struct Running {
        std::string name;
        Child child;
        Lines lines;
        Clock::time_point start;
    };
    struct Source {
        int fd;
        std::function<void()> on_readable;
    };

    void wait_and_handle();
    [[nodiscard]] int poll_timeout_ms() const;
    static void read_output(Running& process, std::size_t most_bytes);
    void finish(Running& process);
    void kill_all();

    SupervisorReports reports_;
    std::chrono::nanoseconds grace_;
    std::list<Running> running_;
    std::vector<Source> sources_;
    std::vector<ProcessEnd> ends_;
    std::optional<ProcessEnd> failure_;
    bool stopping_ = false;
    bool killed_ = false;
    Clock::time_point kill_at_{};
};

}  // namespace fastio::cli
