// fastio_cuda_conformance: asks the CUDA runtime, or what stands in for it, whether it keeps the rules of CUDA IPC that
// docs/cuda_ipc.md lists. README.md beside this file says how to read the answers.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <thread>

#include "judge.hpp"
#include "peer.hpp"
#include "wire/socket.hpp"

namespace fastio::conformance {
namespace {

constexpr int kDiffers = 1;
constexpr int kNothingAsked = 2;
constexpr unsigned kFewestJobs = 4;
constexpr unsigned kMostJobs = 8;
constexpr int kChannel = 3;  // where a process that was started for one purpose finds its starter

struct Options {
    bool strict = false;
    bool list = false;
    std::string only{};
    std::vector<std::string> grades{};
    int limit_s = 30;
    // A question has two processes, and waits for a driver most of the time.
    std::size_t jobs = std::clamp(std::thread::hardware_concurrency() / 4 * 3, kFewestJobs, kMostJobs);
    std::string output{};
    std::string answer{};
    bool platform = false;
    bool peer = false;
};

void list_rules() {
    for (const Rule& rule : all_rules()) {
        std::cout << rule.id << '\t' << to_string(rule.grade) << '\t' << rule.text << '\n';
    }
}

/// What a process does that this program started.
void serve(const Options& options) {
    test::Channel channel{wire::Socket{Descriptor{kChannel}}};
    if (options.peer) {
        try {
            serve_peer(std::move(channel));
        } catch (const std::exception&) {
            // The other process is gone.
        }
    } else {
        channel.say(options.platform ? to_text(ask_platform()) : answer(options.answer));
    }
    std::_Exit(0);  // streams that never end must not keep it
}

/// Writes each answer when it is there, so that an end of the run loses none, and keeps what they mean for the exit
/// status.
class Report {
public:
    explicit Report(const Options& options) : options_(options) {
        if (!options.output.empty()) {
            file_.open(options.output);
            check("open");
        }
    }

    void add(const Rule& rule, const Finding& finding, const Platform& platform) {
        (options_.output.empty() ? std::cout : file_) << to_json(rule, finding, platform) << std::endl;
        check("write");
        if (finding.verdict == Verdict::differs) {
            std::cerr << "rule " << rule.id << " differs (" << rule.text << "): " << finding.got << ", expected "
                      << finding.expected << '\n'
                      << finding.noise;
        }
        failed_ = failed_ || fails(rule, finding.verdict, options_.strict);
        // That there is no driver is an answer to whoever asked for that, not a run.
        asked_ = asked_ || (finding.verdict != Verdict::skipped && (rule.needs_gpu || !options_.only.empty()));
    }
    [[nodiscard]] int exit_status() const { return failed_ ? kDiffers : asked_ ? 0 : kNothingAsked; }

private:
    void check(const char* attempt) const {
        if (!(options_.output.empty() ? std::cout.good() : file_.good())) {
            throw std::runtime_error(std::string("could not ") + attempt + " " +
                                     (options_.output.empty() ? "standard output" : options_.output) + ": " +
                                     std::strerror(errno));
        }
    }

    const Options& options_;
    std::ofstream file_{};
    bool failed_ = false;
    bool asked_ = false;
};

std::vector<Rule> chosen_rules(const Options& options) {
    std::vector<Rule> rules = all_rules();
    std::erase_if(rules, [&](const Rule& rule) {
        const bool other = !options.only.empty() && rule.id != options.only;
        return other || (!options.grades.empty() && std::find(options.grades.begin(), options.grades.end(),
                                                              to_string(rule.grade)) == options.grades.end());
    });
    // All that can be asked side by side is, before what is asked alone.
    std::stable_partition(rules.begin(), rules.end(), [](const Rule& rule) { return !rule.alone; });
    return rules;
}

int run(const Options& options) {
    Report report(options);
    const Conditions conditions{std::chrono::seconds(options.limit_s), options.jobs};
    const Platform platform = find_platform(conditions.limit);
    const std::vector<Rule> all = chosen_rules(options);
    for (std::span<const Rule> rules = all; !rules.empty();) {
        const std::span<const Rule> batch = rules.first(batch_at(rules));
        judge(batch, platform, conditions,
              [&](std::size_t index, const Finding& finding) { report.add(batch[index], finding, platform); });
        rules = rules.subspan(batch.size());
    }
    return report.exit_status();
}

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Asks the CUDA runtime whether it keeps the rules of CUDA IPC; one line of JSON for each."};
    app.footer("Exit status: 0 all rules are kept; 1 one is not, or the program failed; 2 nothing could be asked.");
    const auto known = [](const std::string& id) {
        const std::vector<Rule> rules = all_rules();
        const bool is = std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) { return rule.id == id; });
        return is ? std::string{} : "there is no rule " + id + "; see --list";
    };
    app.add_flag("--strict", options.strict, "Fail for any difference, not only from documented and tested rules");
    app.add_flag("--list", options.list, "Print the rules with their grades, and ask nothing");
    app.add_option("--rule", options.only, "Ask this one only")->check(known);
    app.add_option("--grade", options.grades, "Ask the rules of this grade only; may be repeated")
        ->check(CLI::IsMember({"documented", "tested", "field", "inferred", "unknown"}));
    app.add_option("--jobs", options.jobs, "Rules that are asked side by side, where they may be")
        ->capture_default_str()
        ->check(CLI::Range(1, 64));
    app.add_option("--limit", options.limit_s, "Seconds that one rule may take")
        ->capture_default_str()
        ->check(CLI::Range(1, 3600));
    app.add_option("--output", options.output, "Write the answers to this file instead of standard output");
    app.add_option("--answer", options.answer)->group("")->check(known);
    app.add_flag("--platform", options.platform)->group("");
    app.add_flag("--peer", options.peer)->group("");
    CLI11_PARSE(app, argc, argv);
    if (options.peer || options.platform || !options.answer.empty()) {
        serve(options);
    }
    if (options.list) {
        list_rules();
        return 0;
    }
    return run(options);
}

}  // namespace
}  // namespace fastio::conformance

int main(int argc, char** argv) {
    try {
        return fastio::conformance::main(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "fastio_cuda_conformance: " << error.what() << '\n';
        return 1;
    }
}
