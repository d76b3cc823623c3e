#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <exception>
#include <functional>
#include <iostream>
#include <string>

#include <fastio/version.hpp>

#include "cli/commands.hpp"
#include "cli/text.hpp"

namespace {

using namespace fastio::cli;

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

constexpr const char* kAbout =
    "Looks at and works with the memory that a fastiod service shares between processes by name.";
constexpr const char* kFooter =
    "To start:\n"
    "  fastio run pipeline.yaml            run a pipeline; it starts a service of its own\n"
    "  fastiod &                           or start a service yourself, and then:\n"
    "  fastio put volume.npy volume        publish a NumPy array\n"
    "  fastio ls                           see what is published\n"
    "  fastio get volume -o copy.npy       write it to a file\n"
    "\n`fastio COMMAND --help` tells more. Exit status: 0 success, 1 a failed operation, 2 wrong usage.";
constexpr const char* kSocketHelp =
    "the service's socket (default: $FASTIO_SOCKET, else the user's runtime folder, else /run/fastio)";
constexpr const char* kRunFooter =
    "A pipeline file:\n"
    "  name: brain-mri\n"
    "  operators:\n"
    "    - name: load\n"
    "      command: [op-load, --verbose]\n"
    "      inputs: [{name: scan, path: brain.nii.gz}]    # a path: a file\n"
    "      outputs: [volume]                             # a bare name: shared memory\n"
    "    - name: smooth\n"
    "      command: [op-smooth]\n"
    "      inputs: [volume]\n"
    "      outputs: [{name: smoothed, type: array, element-type: float32, shape: [316, 370, 0]}]\n"
    "\nAll operators start together and wait for their inputs by name. A program without a slash in its name is\n"
    "looked for beside fastio, beside the pipeline file, and in $PATH. Input paths are relative to the pipeline\n"
    "file, output paths to --workdir, in which the operators run. Operators find in their environment: FASTIO_JOB,\n"
    "FASTIO_SOCKET, FASTIO_STAGE (their name), FASTIO_INPUTS and FASTIO_OUTPUTS (JSON lists of their entries), and\n"
    "FASTIO_DEVICE with --device. The first that fails ends the run, and so does one that ends without having\n"
    "published an output that another one still waits for.";

/// Standard streams that the caller closed would be given to the next file or socket that is opened.
void open_standard_streams() {
    for (int fd = ::open("/dev/null", O_RDWR); fd >= 0 && fd <= STDERR_FILENO; fd = ::open("/dev/null", O_RDWR)) {
        if (fd == STDERR_FILENO) {
            return;
        }
    }
}

constexpr double kMostSeconds = 1e9;  // some 30 years; more would not fit into nanoseconds

std::string check_seconds_from(double least, const std::string& text) {
    char* end = nullptr;
    const double seconds = std::strtod(text.c_str(), &end);
    const bool good = !text.empty() && *end == '\0' && seconds >= least && seconds <= kMostSeconds;
    return good ? "" : fmt::format("'{}' is not a number of seconds from {} to 1e9", text, least);
}

std::string check_seconds(const std::string& text) {
    return check_seconds_from(0, text);
}

std::string check_seconds_above_0(const std::string& text) {
    return check_seconds_from(0.001, text);
}

struct CommandLine {
    CLI::App app{kAbout, "fastio"};
    std::function<void(std::ostream&)> chosen;

    LsOptions ls_options{};
    StatOptions stat_options{};
    TopOptions top_options{};
    RmOptions rm_options{};
    WatchOptions watch_options{};
    PutOptions put_options{};
    GetOptionsOfCommand get_options{};
    RunOptions run_options{};
    DoctorOptions doctor_options{};
    BenchOptions bench_options{};

    CommandLine() {
        app.set_version_flag("--version", "fastio " FASTIO_VERSION_STRING, "print the version");
        app.set_help_flag("-h,--help", "print this help");
        app.get_formatter()->column_width(30);
        app.require_subcommand(1);
        add_run();
        add_ls();
        add_stat();
        add_top();
        add_watch();
        add_put();
        add_get();
        add_rm();
        add_doctor();
        add_bench();
        app.footer(kFooter);  // last, because commands inherit it
    }

    template <class Options>
    CLI::App* add(const char* name, const char* about, Options& options,
                  void (*command)(const Options&, std::ostream&)) {
        CLI::App* const sub = app.add_subcommand(name, about);
        sub->add_option("--socket", options.common.socket, kSocketHelp)->type_name("PATH");
        sub->callback(
            [this, &options, command] { chosen = [&options, command](std::ostream& out) { command(options, out); }; });
        return sub;
    }

    void add_run() {
        CLI::App* const sub = add("run", "Run all operators of a pipeline, as processes that share memory by name",
                                  run_options, fastio::cli::run);
        sub->add_option("PIPELINE", run_options.pipeline, "the pipeline file (YAML)")->required()->type_name("");
        sub->add_option("--job", run_options.common.job,
                        "the job (default: the pipeline's name and random letters, so that runs do not meet)")
            ->type_name("JOB");
        sub->add_option("--workdir", run_options.workdir, "where outputs with a path go; made if missing")
            ->type_name("DIR")
            ->capture_default_str();
        sub->add_option("--device", run_options.device,
                        "where operators allocate, and what a private service serves: host, cuda:N or cuda:UUID "
                        "(default: $FASTIO_DEVICE, else the service's first device)")
            ->type_name("DEVICE");
        sub->add_option("--grace", run_options.grace_seconds,
                        "seconds between SIGTERM and SIGKILL when the run is ended")
            ->type_name("SECONDS")
            ->check(check_seconds)
            ->capture_default_str();
        sub->add_flag("--json", run_options.json,
                      "print the table at the end as a JSON object; all else goes to standard error");
        sub->get_option("--socket")
            ->description(
                "the socket of a service that runs already (default: $FASTIO_SOCKET, else a private service "
                "is started)");
        sub->footer(kRunFooter);
    }

    void add_ls() {
        CLI::App* const sub = add("ls", "List what is published", ls_options, fastio::cli::ls);
        sub->add_option("--job", ls_options.common.job, "only this job (default: all)")->type_name("JOB");
        sub->add_option("--prefix", ls_options.prefix, "only names that start so")->type_name("TEXT");
        sub->add_flag("--json", ls_options.json, "print a JSON list");
    }

    void add_stat() {
        CLI::App* const sub = add("stat", "Show memory, jobs, and who holds what", stat_options, fastio::cli::stat);
        sub->add_option("--job", stat_options.common.job, "only this job, with each allocation and its holders")
            ->type_name("JOB");
        sub->add_flag("--json", stat_options.json, "print a JSON object");
    }

    void add_top() {
        CLI::App* const sub =
            add("top", "Show what stat shows, again at each change, until interrupted", top_options, fastio::cli::top);
        sub->add_option("--job", top_options.common.job, "only this job, with each allocation and its holders")
            ->type_name("JOB");
        sub->add_flag("--json", top_options.json, "print a JSON object in one line at the start and after each change");
        sub->footer(
            "Changes are names, processes and jobs that come and go, as `fastio watch` prints them; those that come\n"
            "together are shown together.");
    }

    void add_watch() {
        CLI::App* const sub =
            add("watch", "Print changes as they happen, until interrupted", watch_options, fastio::cli::watch);
        sub->add_option("--job", watch_options.common.job, "only this job (default: all)")->type_name("JOB");
        sub->add_option("--prefix", watch_options.prefix, "only names that start so")->type_name("TEXT");
        sub->add_flag("--json", watch_options.json, "print one JSON object a line");
    }

    void add_put() {
        CLI::App* const sub = add("put", "Publish a NumPy .npy file", put_options, fastio::cli::put);
        sub->add_option("FILE", put_options.file, "the .npy file")->required()->type_name("");
        sub->add_option("NAME", put_options.name, "the name to publish it under")->required()->type_name("");
        sub->add_option("--job", put_options.common.job, "the job (default: $FASTIO_JOB, else \"default\")")
            ->type_name("JOB");
        sub->add_flag("--replace", put_options.replace, "take over a name that is in use");
        sub->add_option("--time-to-live", put_options.time_to_live_seconds,
                        "the name goes by itself after so long (default: it stays)")
            ->type_name("SECONDS")
            ->check(check_seconds_above_0);
        sub->add_flag("--json", put_options.json, "print a JSON object that says what was published");
        sub->footer(
            "\nThe job's context becomes persistent: it outlives this command, until `fastio rm --job JOB`.\n"
            "All number types are taken, in C or Fortran order; what is published is in C order.");
    }

    void add_get() {
        CLI::App* const sub = add("get", "Write what is published to a NumPy .npy file", get_options, fastio::cli::get);
        sub->add_option("NAME", get_options.name, "the published name")->required()->type_name("");
        sub->add_option("-o,--output", get_options.output, "the .npy file to write")->required()->type_name("FILE");
        sub->add_option("--job", get_options.common.job, "the job (default: $FASTIO_JOB, else \"default\")")
            ->type_name("JOB");
        sub->add_option("--timeout", get_options.timeout_seconds, "wait so long for the name (default: not at all)")
            ->type_name("SECONDS")
            ->check(check_seconds);
        sub->add_flag("--json", get_options.json, "print a JSON object that says what was written");
    }

    void add_rm() {
        CLI::App* const sub = add("rm", "Remove a published name, or end a whole job", rm_options, fastio::cli::rm);
        const CLI::Option* const name =
            sub->add_option("NAME", rm_options.name, "the published name; without it the job is ended")->type_name("");
        sub->add_option("--job", rm_options.common.job, "the job (default with a NAME: $FASTIO_JOB, else \"default\")")
            ->type_name("JOB");
        sub->add_flag("--json", rm_options.json, "print a JSON object");
        sub->parse_complete_callback([this, name] {
            if (rm_options.name.empty() && (name->count() > 0 || rm_options.common.job.empty())) {
                throw CLI::RequiredError("rm: NAME or --job");
            }
        });
        sub->footer("Memory that processes still use stays valid for them and returns with the last of them.");
    }

    void add_doctor() {
        CLI::App* const sub =
            add("doctor", "Examine this machine: limits, namespaces, GPUs, and sharing by really doing it",
                doctor_options, examine);
        sub->add_option("--device", doctor_options.devices,
                        "a device to share with another process, which may be given several times: host, cuda:N or "
                        "cuda:UUID (default: the host and every GPU)")
            ->type_name("DEVICE");
        sub->add_flag("--json", doctor_options.json, "print a JSON object");
        sub->add_option("--answer-on", doctor_options.answer_on)->group("");  // the other process
        sub->footer(
            "\nExit status 1 where something that was asked for cannot work. A service that runs is tried as well.");
    }

    void add_bench() {
        CLI::App* const sub = app.add_subcommand(
            "bench", "Measure this machine: requests, hand-overs between processes, deaths, at rest; on the host");
        sub->add_option("--rounds", bench_options.rounds, "requests of each kind (default: 5000)")
            ->type_name("COUNT")
            ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30));
        sub->add_flag("--json", bench_options.json, "print a JSON list instead of the table");
        sub->callback([this] { chosen = [this](std::ostream& out) { bench(bench_options, out); }; });
        sub->footer(
            "\nTakes about a minute, with services of its own. The program that measures, fastio_process_bench, is\n"
            "installed beside fastio where it was built with benchmarks. Ratios are to the raw operation beside it,\n"
            "measured in the same run: a shared machine is slow or fast as a whole.");
    }
};

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return printable(text);
}

std::string help_hint(const CLI::App& app) {
    const auto chosen = app.get_subcommands();
    return "`fastio " + (chosen.empty() ? "" : chosen.front()->get_name() + " ") + "--help` shows how";
}

}  // namespace

int main(int argc, char** argv) {
    open_standard_streams();
    std::signal(SIGCHLD, SIG_DFL);  // where it was ignored, nobody could ask how a process has ended
    CommandLine line;
    try {
        line.app.parse(argc, argv);
    } catch (const CLI::Success& asked) {  // --help, --version
        return line.app.exit(asked);
    } catch (const CLI::ParseError& error) {
        const std::vector<std::string> unknown = line.app.remaining();
        const bool is_command =
            line.app.get_subcommands().empty() && !unknown.empty() && !unknown.front().starts_with('-');
        std::cerr << "fastio: "
                  << one_line(is_command ? fmt::format("there is no command '{}'", unknown.front()) : error.what())
                  << "; " << help_hint(line.app) << '\n';
        return kWrongUsage;
    }
    try {
        line.chosen(std::cout);
        std::cout.flush();
        if (!std::cout) {
            std::cerr << "fastio: cannot write to standard output\n";
            return kFailed;
        }
    } catch (const std::exception& error) {
        std::cout.flush();
        std::cerr << "fastio: " << one_line(error.what()) << '\n';
        return kFailed;
    }
    return 0;
}
