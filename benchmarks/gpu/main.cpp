// Measures what needs a GPU. Prints a table and writes JSON; the same program plays the other processes' roles. The
// first process makes no CUDA call: each case runs in a process of its own.
#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "case_process.hpp"
#include "cases.hpp"
#include "gpu/gpus.hpp"

namespace {

using namespace fastio::gpu_bench;
using nlohmann::json;

constexpr std::chrono::seconds kDescribeLimit{60};

struct CommandLine {
    std::vector<std::string> cases{};
    std::string json_file{};
    bool quick = false;
    bool require_gpu = false;
    bool describe = false;
    bool hold = false;
    int within_s = 0;  ///< 0: as long as it takes
    // How this program starts itself for the other processes' parts.
    std::string role{};
    std::string socket{};
    int fd = -1;
    std::uint64_t free_bytes = 0;
};

std::string driver_text(bool real) {
    if (!real) {
        return "none: the emulator of the CUDA runtime";
    }
    const int cuda = fastio::gpu::cuda_versions().driver;
    std::string version;
    std::ifstream("/sys/module/nvidia/version") >> version;
    return fmt::format("{} (CUDA {}.{})", version.empty() ? "unknown" : version, cuda / 1000, cuda % 1000 / 10);
}

// Which GPU and which runtime; or "why_none".
json describe_here() {
    const fastio::gpu::Gpus& gpus = fastio::gpu::list_gpus();
    const std::string substitute = fastio::gpu::runtime_substitute();
    const int runtime = fastio::gpu::cuda_versions().runtime;
    json found{{"library", substitute.empty() ? "cudart" : substitute},
               {"driver", driver_text(substitute.empty())},
               {"runtime", fmt::format("{}.{}", runtime / 1000, runtime % 1000 / 10)}};
    if (gpus.found.empty()) {
        found["why_none"] = gpus.why_none;
        return found;
    }
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
    fastio::gpu::check(cudaMemGetInfo(&free_bytes, &total_bytes), "asking for free memory");
    found["gpu"] = gpus.found.front().product;
    found["free_bytes"] = free_bytes;
    found["total_bytes"] = total_bytes;
    found["stream_memory_operations"] = gpus.found.front().stream_order == fastio::StreamOrder::memory_operations;
    return found;
}

const Case& case_named(const std::string& name) {
    const auto all = cases();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Case& one) { return name == one.name; });
    if (found == all.end()) {
        throw std::runtime_error(fmt::format("there is no case {}; see --help", name));
    }
    return *found;
}

json answer_of(const CommandLine& line) {
    if (line.role == "describe") {
        return describe_here();
    }
    return to_json(case_named(line.role).measure({.quick = line.quick, .free_bytes = line.free_bytes}));
}

// The other processes' parts. A role does not return while its case lives; a case and `describe` answer.
int play(const CommandLine& line) {
    for (const Role& role : roles()) {
        if (line.role == role.name) {
            role.run(line.fd, line.socket);
            return 0;
        }
    }
    ::fcntl(line.fd, F_SETFD, FD_CLOEXEC);  // not for what the case starts
    try {
        answer_and_exit(line.fd, answer_of(line));
    } catch (const std::exception& error) {
        answer_and_exit(line.fd, {{"error", error.what()}});
    }
}

/// When all cases must have ended.
class Deadline {
public:
    explicit Deadline(int within_s) : end_(Clock::now() + std::chrono::seconds(within_s)), is_set_(within_s > 0) {}
    /// What a case with this limit may take.
    [[nodiscard]] std::chrono::seconds left(std::chrono::seconds limit) const {
        const auto until_end = std::chrono::floor<std::chrono::seconds>(end_ - Clock::now());
        return is_set_ ? std::min(limit, until_end) : limit;
    }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point end_;
    bool is_set_;
};

json run_case(const Case& one, const CommandLine& line, const json& machine, const Deadline& deadline) {
    if (one.needs_kernels && machine["library"] != "cudart") {
        return to_json({.left_out = {"it needs kernels, which the emulator does not run"}});
    }
    const std::chrono::seconds limit = deadline.left(one.limit);
    if (limit.count() < 1) {
        return {{"error", fmt::format("the cases before it took the {} s that there were", line.within_s)}};
    }
    std::vector<std::string> arguments{"--role", one.name, "--free-bytes",
                                       std::to_string(machine["free_bytes"].get<std::uint64_t>())};
    if (line.quick) {
        arguments.emplace_back("--quick");
    }
    json found = run_apart(arguments, limit);
    // Only figures of a GPU are judged.
    if (found.contains("figures") && (line.quick || machine["library"] != "cudart")) {
        for (json& row : found["figures"]) {
            row.erase("met");
        }
    }
    return found;
}

/// The file is whole at any time: a run that is killed keeps what it had.
void write_json(const std::string& file, const json& report) {
    if (file.empty()) {
        return;
    }
    const std::string part = file + ".part";
    if (!(std::ofstream(part) << report.dump(2) << '\n').flush() || std::rename(part.c_str(), file.c_str()) != 0) {
        throw std::runtime_error(fmt::format("{} could not be written", file));
    }
}

int skip(const CommandLine& line, json report, const std::string& reason) {
    std::fputs(fmt::format("gpu_process_bench: skipped: {}\n", reason).c_str(), stdout);
    report["skipped"] = reason;
    write_json(line.json_file, report);
    return line.require_gpu ? 1 : 0;
}

// A driver that nobody uses shuts the GPU down, and takes seconds to start it again.
int hold_gpu() {
    fastio::gpu::check(cudaFree(nullptr), "making a context");
    std::fputs("held\n", stdout);
    std::fflush(stdout);
    while (std::fgetc(stdin) != EOF) {
    }
    return 0;
}

int measure(const CommandLine& line) {
    std::vector<Case> chosen;
    std::transform(line.cases.begin(), line.cases.end(), std::back_inserter(chosen), case_named);
    if (chosen.empty()) {
        chosen.assign(cases().begin(), cases().end());
    }
    json report = run_apart({"--role", "describe"}, kDescribeLimit);
    report["program"] = "gpu_process_bench";
    report["quick"] = line.quick;
    if (report.contains("error")) {
        throw std::runtime_error(report["error"].get<std::string>());
    }
    if (report.contains("why_none")) {
        return skip(line, report, report["why_none"]);
    }
    if (line.require_gpu && report["library"] != "cudart") {
        return skip(line, report, "this is the emulator of the CUDA runtime and no GPU");
    }
    bool failed = false;
    const Deadline deadline(line.within_s);
    report["cases"] = json::array();
    for (const Case& one : chosen) {
        std::fputs(fmt::format("measuring {}: {}\n", one.name, one.what).c_str(), stderr);
        json found = run_case(one, line, report, deadline);
        failed = failed || found.contains("error");
        found["case"] = one.name;
        report["cases"].push_back(std::move(found));
        write_json(line.json_file, report);
    }
    std::fputs(
        fmt::format("{}, driver {}, {}{}\n", report["gpu"].get<std::string>(), report["driver"].get<std::string>(),
                    report["library"].get<std::string>(), line.quick ? ", quick: these figures measure nothing" : "")
            .c_str(),
        stdout);
    std::fputs(as_table(report).c_str(), stdout);
    return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Figures of Fast I/O on a GPU"};
    CommandLine line;
    std::string names;
    for (const Case& one : cases()) {
        names += fmt::format("\n{:<10} {}", one.name, one.what);
    }
    app.footer("cases:" + names);
    app.add_option("--case", line.cases, "only this case; may be repeated");
    app.add_option("--json", line.json_file, "also write the figures to this file");
    app.add_flag("--quick", line.quick, "a few rounds of small sizes: shows that the cases work");
    app.add_flag("--require-gpu", line.require_gpu, "status 1, not 0, where there is no GPU");
    app.add_option("--within", line.within_s, "seconds for all cases; one for which none are left fails")
        ->check(CLI::Range(1, 86'400));
    app.add_flag("--describe", line.describe, "only say, as JSON, which GPU, driver and runtime there are");
    app.add_flag("--hold", line.hold, "measure nothing: keep the first GPU in use until standard input ends");
    app.add_option("--role", line.role)->group("");
    app.add_option("--socket", line.socket)->group("");
    app.add_option("--fd", line.fd)->group("");
    app.add_option("--free-bytes", line.free_bytes)->group("");
    CLI11_PARSE(app, argc, argv);
    try {
        if (!line.role.empty()) {
            return play(line);
        }
        if (line.describe) {
            std::fputs((run_apart({"--role", "describe"}, kDescribeLimit).dump(2) + '\n').c_str(), stdout);
            return 0;
        }
        return line.hold ? hold_gpu() : measure(line);
    } catch (const std::exception& error) {
        std::fputs(
            fmt::format("gpu_process_bench{}: {}\n", line.role.empty() ? "" : " --role " + line.role, error.what())
                .c_str(),
            stderr);
        return 1;
    }
}
