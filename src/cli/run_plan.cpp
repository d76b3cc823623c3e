#include "cli/run_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string_view>

#include "cli/fail.hpp"
#include "cli/json.hpp"
#include "cli/programs.hpp"

namespace fastio::cli {
namespace fs = std::filesystem;
namespace {

fs::path resolve_program(const Pipeline& pipeline, const Operator& op, const fs::path& base) {
    std::vector<fs::path> folders{own_folder(), base};
    const char* const path = std::getenv("PATH");
    for (fs::path& folder : folders_of_path(path == nullptr ? "" : path)) {
        folders.push_back(std::move(folder));
    }
    const std::string& name = op.command.front();
    const auto program = find_program(name, base, folders);
    if (program) {
        return *program;
    }
    const std::string where = name.find('/') != std::string::npos
                                  ? (base / name).lexically_normal().string()
                                  : fmt::format("{}, {} and $PATH", own_folder().string(), base.string());
    fail(Errc::not_found, "{}:{}: operator '{}' has no program '{}': there is no executable file in {}",
         pipeline.file.string(), op.command_place.line, op.name, name, where);
}

void add_unless_set(std::vector<std::string>& environment, const std::string& variable, const char* value) {
    const std::string start = variable + "=";
    if (std::ranges::none_of(environment, [&](const std::string& entry) { return entry.starts_with(start); })) {
        environment.push_back(start + value);
    }
}

/// An interpreter, or a script of one.
bool is_python(const fs::path& program) {
    std::string first_line;
    std::ifstream file(program, std::ios::binary);
    constexpr std::streamsize kMostBytes = 255;
    first_line.resize(kMostBytes);
    file.read(first_line.data(), kMostBytes);
    first_line.resize(static_cast<std::size_t>(file.gcount()));
    first_line.resize(std::min(first_line.find('\n'), first_line.size()));
    return program.filename().string().starts_with("python") ||
           (first_line.starts_with("#!") && first_line.find("python") != std::string::npos);
}

std::string normalised(const std::vector<Entry>& entries, const fs::path& base) {
    Json json = Json::array();
    for (Entry entry : entries) {
        if (entry.on_disk()) {
            entry.path = (base / entry.path).lexically_normal().string();
        }
        json.push_back(json_of(entry));
    }
    return dump(json, -1);
}

void check_inputs(const Pipeline& pipeline, const Operator& op, const fs::path& base) {
    for (const Entry& input : op.inputs) {
        std::error_code ignored;
        if (input.on_disk() && !fs::exists(base / input.path, ignored)) {
            fail(Errc::not_found, "{}:{}: operator '{}' has the input '{}' at {}, which does not exist",
                 pipeline.file.string(), input.place.line, op.name, input.name,
                 (base / input.path).lexically_normal().string());
        }
    }
}

}  // namespace

std::string unique_job(const std::string& pipeline_name) {
    std::random_device random;
    return fmt::format("{}-{:08x}", pipeline_name, random());
}

std::vector<ChildSpec> plan_run(const Pipeline& pipeline, const fs::path& workdir, const std::string& job,
                                const std::string& socket, const std::string& device) {
    const fs::path base = fs::absolute(pipeline.file).parent_path().lexically_normal();
    std::vector<ChildSpec> specs;
    for (const Operator& op : pipeline.operators) {
        check_inputs(pipeline, op, base);
        ChildSpec spec;
        spec.name = op.name;
        spec.program = resolve_program(pipeline, op, base);
        spec.arguments = op.command;
        std::map<std::string, std::string> variables{{"FASTIO_JOB", job},
                                                     {"FASTIO_SOCKET", socket},
                                                     {"FASTIO_STAGE", op.name},
                                                     {"FASTIO_INPUTS", normalised(op.inputs, base)},
                                                     {"FASTIO_OUTPUTS", normalised(op.outputs, workdir)}};
        if (!device.empty()) {
            variables.emplace("FASTIO_DEVICE", device);
        }
        spec.environment = environment_with(variables);
        spec.folder = workdir;
        specs.push_back(std::move(spec));
    }
    return specs;
}

void let_streams_wait(std::vector<ChildSpec>& specs, const std::string& device) {
    if (!device.starts_with("cuda:")) {
        return;
    }
    for (ChildSpec& spec : specs) {
        add_unless_set(spec.environment, "CUDA_DEVICE_MAX_CONNECTIONS", "32");
        if (!is_python(spec.program)) {
            add_unless_set(spec.environment, "CUDA_MODULE_LOADING", "EAGER");
        }
    }
}

}  // namespace fastio::cli
