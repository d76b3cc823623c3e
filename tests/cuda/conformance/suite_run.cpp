#include "suite_run.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "support/temp_dir.hpp"

namespace fastio::conformance {
namespace {

/// Beside this program, wherever a build was moved to.
std::string suite() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "fastio_cuda_conformance";
}

Line parse(const std::string& text) {
    const nlohmann::json line = nlohmann::json::parse(text);
    for (const char* const field : {"text", "grade", "driver", "gpu"}) {
        if (!line.at(field).is_string()) {
            throw std::runtime_error(std::string(field) + " is no text in " + text);
        }
    }
    return {line.at("rule"), line.at("expected"), line.at("got"), line.at("verdict"), line.at("library")};
}

}  // namespace

std::string to_string(const Line& line) {
    return "rule " + line.rule + " " + line.verdict + ": got " + line.got + ", expected " + line.expected;
}

SuiteRun SuiteRun::of(const std::vector<std::string>& arguments,
                      const std::map<std::string, std::string>& environment) {
    const test::TempDir folder;
    const std::string output = folder.path() / "answers";
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--output", output});
    if (std::ranges::find(all, "--limit") == all.end()) {
        // A watchdog only: under a sanitizer, on a machine with more to do, a rule takes long.
        all.insert(all.end(), {"--limit", "200"});
    }
    test::ChildOptions options;
    options.environment = environment;
    options.capture_output = true;
    test::ChildProcess process = test::ChildProcess::start(suite(), all, options);
    SuiteRun run;
    run.status = process.wait();
    run.said = process.output();
    std::ifstream file(output);
    for (std::string line; std::getline(file, line);) {
        run.lines.push_back(parse(line));
    }
    return run;
}

std::string SuiteRun::answer() const {
    if (lines.size() != 1) {
        throw std::runtime_error("the suite gave " + std::to_string(lines.size()) + " lines, not one. It said:\n" +
                                 said);
    }
    return lines.front().verdict + ": " + lines.front().got;
}

}  // namespace fastio::conformance
