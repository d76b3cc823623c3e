#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <fastio/context.hpp>
#include <fastio/service.hpp>

#include "cli/commands.hpp"
#include "cli/fail.hpp"
#include "cli/json.hpp"
#include "cli/missing_outputs.hpp"
#include "cli/pipeline.hpp"
#include "cli/private_service.hpp"
#include "cli/run_plan.hpp"
#include "cli/run_table.hpp"
#include "cli/stop_signals.hpp"
#include "cli/supervisor.hpp"
#include "cli/text.hpp"

namespace fastio::cli {
namespace fs = std::filesystem;
namespace {

using Milliseconds = std::chrono::milliseconds;

void make_folders(const fs::path& workdir, const Pipeline& pipeline) {
    std::error_code error;
    fs::create_directories(workdir, error);
    for (const Operator& op : pipeline.operators) {
        for (const Entry& output : op.outputs) {
            if (output.on_disk() && !error) {
                fs::create_directories((workdir / output.path).parent_path(), error);
            }
        }
    }
    if (error) {
        fail(Errc::io_error, "cannot make the folders for the outputs in {}: {}", workdir.string(), error.message());
    }
}

/// Prints what happens in a run. Operators' own lines are told apart by "name | ".
class Progress {
public:
    Progress(std::ostream& out, const Pipeline& pipeline) : out_(out) {
        for (const Operator& op : pipeline.operators) {
            width_ = std::max(width_, op.name.size());
        }
    }

    [[nodiscard]] SupervisorReports reports() {
        return {
            .started = [this](const std::string& name, pid_t pid) { say("{} started with process id {}", name, pid); },
            .line =
                [this](const std::string& name, std::string_view line) {
                    out_ << fmt::format("{:<{}} | {}\n", name, width_, line) << std::flush;
                },
            .ended =
                [this](const ProcessEnd& end) {
                    const std::string how = end.status.ok() ? "" : " with " + to_string(end.status);
                    say("{} ended{} after {}", end.name, how, text_of_duration(end.ran));
                }};
    }

    void published(const PublicationInfo& p) {
        say("{} published '{}': {} {}, {}", printable(p.publisher), printable(p.name), to_string(p.type),
            text_of_shape(p.dimensions), text_of_bytes(p.size));
    }

    template <class... Args>
    void say(fmt::format_string<Args...> format, Args&&... args) {
        out_ << "== " << fmt::format(format, std::forward<Args>(args)...) << '\n' << std::flush;
    }

private:
    std::ostream& out_;
    std::size_t width_ = 0;
};

std::string common_prefix(const std::string& one, const std::string& other) {
    return {one.begin(), std::ranges::mismatch(one, other).in1};
}

/// Tells of some, so that others are heard meanwhile; true where there may be more.
bool tell_publications(Watch& events, Context& context, Progress& progress, MissingOutputs& missing) {
    constexpr int kMostAtOnce = 64;
    std::vector<WatchEvent> published;
    std::string prefix;
    int taken = 0;
    for (; taken < kMostAtOnce; ++taken) {
        auto event = events.next(std::chrono::nanoseconds(0));
        if (!event) {
            break;
        }
        if (event->kind == WatchEvent::Kind::lost) {
            missing.lose_track();
        } else if (event->kind == WatchEvent::Kind::replaced) {
            // Not told: in a pipeline that publishes frame after frame under one name, that is noise.
            missing.saw(event->name);
        } else if (event->kind == WatchEvent::Kind::published) {
            missing.saw(event->name);
            prefix = published.empty() ? event->name : common_prefix(prefix, event->name);
            published.push_back(std::move(*event));
        }
    }
    if (published.empty()) {
        return taken == kMostAtOnce;
    }
    std::vector<PublicationInfo> publications = context.list(prefix);
    std::ranges::sort(publications, {}, &PublicationInfo::version);
    for (const WatchEvent& event : published) {
        const auto found = std::ranges::lower_bound(publications, event.version, {}, &PublicationInfo::version);
        if (found != publications.end() && found->version == event.version) {
            progress.published(*found);
        } else {
            progress.say("'{}' was published, and is gone or replaced again", printable(event.name));
        }
    }
    return taken == kMostAtOnce;
}

/// The service hears of an operator's end a moment after its parent does. Until then its figures may be incomplete.
void wait_for_sessions_to_end(Watch& events, Context& context) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (context.stats().members > 1 && std::chrono::steady_clock::now() < end) {
        static_cast<void>(events.next(Milliseconds(20)));
    }
}

[[noreturn]] void fail_for(const ProcessEnd& end) {
    std::vector<std::string> lines;
    for (const std::string& line : end.last_lines) {
        constexpr std::size_t kShownBytes = 300;
        lines.push_back(printable(std::string_view(line).substr(0, kShownBytes)));
    }
    throw std::runtime_error(fmt::format(
        "operator '{}' ended with {} after {}; {}", end.name, to_string(end.status), text_of_duration(end.ran),
        lines.empty() ? "it wrote nothing" : fmt::format("its last lines: {}", fmt::join(lines, " | "))));
}

class Run {
public:
    Run(const Pipeline& pipeline, const fs::path& workdir, std::string socket, const std::string& device,
        const RunOptions& options, StopSignals& signals, std::ostream& out)
        : pipeline_(pipeline),
          signals_(signals),
          out_(out),
          json_(options.json),
          progress_(options.json ? std::cerr : out, pipeline),
          missing_(pipeline),
          supervisor_(reports(), grace_of(options)) {
        const std::string job = options.common.job.empty() ? unique_job(pipeline.name) : options.common.job;
        // With an unknown socket: only to refuse what is missing before anything is started.
        static_cast<void>(plan_run(pipeline, workdir, job, {}, device));
        make_folders(workdir, pipeline);
        if (socket.empty()) {
            socket = service_.emplace(device).socket();
        }
        specs_ = plan_run(pipeline, workdir, job, socket, device);
        ContextOptions joining;
        joining.job = job;
        joining.socket = socket;
        joining.device = device;
        context_.emplace(joining);
        progress_.say("pipeline '{}': {} operators, job '{}', device {}, service at {}{}", pipeline.name,
                      pipeline.operators.size(), job, context_->device(), socket, service_ ? " (private)" : "");
        if (service_) {
            for (const std::string& warning : service_->warnings()) {
                progress_.say("the service warns: {}", printable(warning));
            }
        }
        let_streams_wait(specs_, context_->device());
        events_.emplace(context_->watch());
    }

    void run() {
        supervisor_.add_source(signals_.fd(), [this] { interrupt(); });
        supervisor_.add_source(events_->fd(), [this] { static_cast<void>(tell_publications()); });
        supervisor_.add_source(look_for_missing_.get(), [this] { look_for_missing_outputs(); });
        if (service_) {
            supervisor_.add_source(service_->pidfd(), [this] { fail_for_service(); });
        }
        for (const ChildSpec& spec : specs_) {
            supervisor_.start(spec);
        }
        try {
            supervisor_.run();
            constexpr int kMostTurns = 64;  // others may go on publishing
            for (int turn = 0; turn < kMostTurns && tell_publications(); ++turn) {
            }
            wait_for_sessions_to_end(*events_, *context_);
            Service service(context_->socket());
            show(run_figures(pipeline_, context_->job(), supervisor_.ends(), service.operators(context_->job())));
        } catch (const Error& error) {
            if (error.errc() == Errc::service_lost && service_ && service_->has_ended()) {
                fail_for_service();
            }
            throw;
        }
        if (interrupted_by_ != 0) {
            throw std::runtime_error(fmt::format("the run of '{}' was ended by signal {} ({})", pipeline_.name,
                                                 interrupted_by_, ::strsignal(interrupted_by_)));
        }
        if (supervisor_.failure()) {
            fail_for(*supervisor_.failure());
        }
        if (found_missing_) {
            throw std::runtime_error(
                fmt::format("operator '{}' ended without publishing its output '{}', which '{}' "
                            "takes as an input",
                            found_missing_->producer, found_missing_->name, found_missing_->consumer));
        }
    }

private:
    [[nodiscard]] SupervisorReports reports() {
        SupervisorReports reports = progress_.reports();
        reports.ended = [this, tell = std::move(reports.ended)](const ProcessEnd& end) {
            tell(end);
            ended_.insert(end.name);
            if (end.status.ok()) {
                ended_well_.insert(end.name);
                arm_look_for_missing();
            }
        };
        return reports;
    }

    [[nodiscard]] bool tell_publications() { return cli::tell_publications(*events_, *context_, progress_, missing_); }

    /// What an operator has published, and another one has unpublished already, is known from its event alone, which
    /// may come after the operator's end.
    void arm_look_for_missing() {
        const itimerspec in_a_second{{}, {1, 0}};
        ::timerfd_settime(look_for_missing_.get(), 0, &in_a_second, nullptr);
    }

    void look_for_missing_outputs() {
        std::uint64_t expirations = 0;
        [[maybe_unused]] const ssize_t got = ::read(look_for_missing_.get(), &expirations, sizeof(expirations));
        if (tell_publications()) {
            arm_look_for_missing();
            return;
        }
        auto missing = missing_.find(ended_well_, ended_);
        if (!missing || supervisor_.stopped()) {
            looks_ = 0;
            return;
        }
        for (const PublicationInfo& publication : context_->list()) {
            missing_.saw(publication.name);
        }
        missing = missing_.find(ended_well_, ended_);
        if (missing && ++looks_ < kLooks) {
            arm_look_for_missing();
        } else if (missing) {
            progress_.say("{} ended without publishing '{}', an input of {}: ending the operators", missing->producer,
                          printable(missing->name), missing->consumer);
            found_missing_ = std::move(missing);
            supervisor_.stop();
        }
    }

    [[nodiscard]] static Descriptor make_timer() {
        Descriptor timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
        if (!timer) {
            fail(Errc::io_error, "cannot make a timer: {}", os_error());
        }
        return timer;
    }

    static std::chrono::nanoseconds grace_of(const RunOptions& options) {
        return nanoseconds_of(options.grace_seconds);
    }

    void show(const RunFigures& figures) {
        if (json_) {
            out_ << dump(json_of(figures), 2) << '\n' << std::flush;
        } else {
            out_ << '\n' << run_table(figures) << std::flush;
        }
    }

    void interrupt() {
        while (const int number = signals_.take()) {
            interrupted_by_ = number;
            progress_.say("{}: ending the operators", ::strsignal(number));
            supervisor_.stop();
        }
    }

    [[noreturn]] void fail_for_service() {
        const std::string how = to_string(service_->end_status());
        fail(Errc::service_lost, "the private service ended during the run with {}; its last lines: {}", how,
             service_->last_words());
    }

    const Pipeline& pipeline_;
    StopSignals& signals_;
    std::ostream& out_;
    bool json_;
    Progress progress_;
    // In the order in which they are needed: the operators end first, then the membership, then the service.
    std::optional<PrivateService> service_;
    std::optional<Context> context_;
    std::optional<Watch> events_;
    std::vector<ChildSpec> specs_;
    MissingOutputs missing_;
    std::optional<MissingOutputs::Missing> found_missing_;
    std::set<std::string> ended_;
    std::set<std::string> ended_well_;
    static constexpr int kLooks = 3;  // a second apart: for its event to come
    int looks_ = 0;
    Descriptor look_for_missing_ = make_timer();
    Supervisor supervisor_;
    int interrupted_by_ = 0;
};

}  // namespace

void run(const RunOptions& options, std::ostream& out) {
    const Pipeline pipeline = load_pipeline(options.pipeline);
    const std::string socket = or_environment(options.common.socket, "FASTIO_SOCKET");
    const std::string device = or_environment(options.device, "FASTIO_DEVICE");
    // A reader of the output that goes away does not end the operators.
    std::signal(SIGPIPE, SIG_IGN);
    StopSignals signals;
    Run(pipeline, fs::absolute(options.workdir).lexically_normal(), socket, device, options, signals, out).run();
}

}  // namespace fastio::cli
