#include "operators/operator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "operators/entries.hpp"

namespace brain_mri {

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

/// Wrong usage that CLI11 does not see: entries that are missing or do not fit.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

std::string one_line(std::string_view text) {
    std::string line(text.substr(0, text.find_last_not_of(" \n") + 1));
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

}  // namespace

Operator::Operator(std::string name, const std::string& description)
    : name_(std::move(name)), app_(description, name_) {
    app_.add_option("--timeout-s", timeout_s_, "seconds to wait for an input")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1e9));
    app_.add_option("--job", job_, "the job to join (default: $FASTIO_JOB)");
    app_.add_option("--socket", socket_, "the service's socket (default: $FASTIO_SOCKET)");
}

void Operator::input_name(const std::string& option, std::string& value, const std::string& help) {
    add(inputs_, option, value, help, false);
}

void Operator::input_path(const std::string& option, std::string& value, const std::string& help) {
    add(inputs_, option, value, help, true);
}

void Operator::output_name(const std::string& option, std::string& value, const std::string& help) {
    add(outputs_, option, value, help, false);
}

void Operator::output_path(const std::string& option, std::string& value, const std::string& help) {
    add(outputs_, option, value, help, true);
}

void Operator::add(std::vector<Slot>& slots, const std::string& option, std::string& value, const std::string& help,
                   bool is_path) {
    slots.push_back({app_.add_option(option, value, help), &value, is_path});
}

void Operator::fill(const std::vector<Slot>& slots, const char* variable) {
    const std::vector<Entry> entries = parse_entries(std::getenv(variable), variable);
    if (entries.size() > slots.size()) {
        throw UsageError(
            fmt::format("${} lists {} entries, this operator takes {}", variable, entries.size(), slots.size()));
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
        const Slot& slot = slots[i];
        if (!slot.option->empty()) {
            continue;
        }
        if (i >= entries.size()) {
            throw UsageError(
                fmt::format("{} is missing, and ${} has no entry {} for it", slot.option->get_name(), variable, i + 1));
        }
        if (slot.is_path == entries[i].path.empty()) {
            throw UsageError(fmt::format("entry {} of ${}, '{}', must {} a path", i + 1, variable, entries[i].name,
                                         slot.is_path ? "have" : "not have"));
        }
        *slot.value = slot.is_path ? entries[i].path : entries[i].name;
    }
}

int Operator::run(int argc, char** argv, const std::function<void()>& work) {
    try {
        app_.parse(argc, argv);
        fill(inputs_, "FASTIO_INPUTS");
        fill(outputs_, "FASTIO_OUTPUTS");
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {
            return app_.exit(error);  // --help
        }
        return failed(kWrongUsage, fmt::format("{}; see --help", error.what()));
    } catch (const std::exception& error) {
        return failed(kWrongUsage, error.what());
    }
    try {
        work();
        return 0;
    } catch (const std::exception& error) {
        return failed(kFailed, error.what());
    }
}

fastio::Context Operator::join() const {
    return fastio::Context({.job = job_, .socket = socket_});
}

std::unique_ptr<Processor> Operator::processor(const fastio::Context& context) const {
    const std::string& device = context.device();
    constexpr std::string_view kGpu = "cuda:";
    if (!device.starts_with(kGpu)) {
        return make_host_processor();
    }
    std::string why_not;
    if (auto gpu = make_gpu_processor(std::stoi(device.substr(kGpu.size())), why_not)) {
        return gpu;
    }
    std::fputs(
        fmt::format("{}: computing on the host, with copies from and to {}: {}\n", name_, device, why_not).c_str(),
        stderr);
    return make_host_processor();
}

fastio::Allocation Operator::wait_for(fastio::Context& context, const std::string& name,
                                      const Processor& processor) const {
    const std::chrono::duration<double> seconds(timeout_s_);
    return context.get(
        name, {.stream = processor.stream(), .timeout = std::chrono::duration_cast<std::chrono::nanoseconds>(seconds)});
}

void Operator::say(const std::string& line) const {
    std::puts(fmt::format("{}: {}", name_, line).c_str());
}

int Operator::failed(int status, std::string_view message) const {
    std::fputs(fmt::format("{}: {}\n", name_, one_line(message)).c_str(), stderr);
    return status;
}

}  // namespace brain_mri
