#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/fastio.hpp>

#include "compute/processor.hpp"

namespace brain_mri {

/// What the operators' programs have in common: options, the entries that `fastio run` gives, the context, the exit
/// status. An option that is given wins over the environment, so that each operator can be run by hand.
///
/// Exit status: 0; 1 after a failed operation; 2 for wrong usage. Errors are one line on standard error.
class Operator {
public:
    /// `name` is the program's, for messages.
    Operator(std::string name, const std::string& description);
    Operator(const Operator&) = delete;
    Operator& operator=(const Operator&) = delete;

    /// The next input or output. Inputs (and outputs) take the entries of the pipeline file in the order in which they
    /// are declared here. `value` lives until run() returns.
    void input_name(const std::string& option, std::string& value, const std::string& help);
    void input_path(const std::string& option, std::string& value, const std::string& help);
    void output_name(const std::string& option, std::string& value, const std::string& help);
    void output_path(const std::string& option, std::string& value, const std::string& help);

    /// For options of the operator's own.
    [[nodiscard]] CLI::App& options() { return app_; }

    /// Parses, fills in the entries, calls `work` and turns its exceptions into the exit status.
    [[nodiscard]] int run(int argc, char** argv, const std::function<void()>& work);

    /// Joins the job, on the device of $FASTIO_DEVICE, or else the service's first.
    [[nodiscard]] fastio::Context join() const;

    /// The processor for the context's memory: the GPU that it is on, or the host's. Where none of this program's
    /// kernels runs on that GPU it is the host's too, and one line on standard error says so.
    [[nodiscard]] std::unique_ptr<Processor> processor(const fastio::Context& context) const;

    /// `name`, waiting for it as long as --timeout-s says: operators start together. Its contents are complete, or will
    /// be before the processor comes to what it is told next.
    [[nodiscard]] fastio::Allocation wait_for(fastio::Context& context, const std::string& name,
                                              const Processor& processor) const;

    /// Prints one line on standard output.
    void say(const std::string& line) const;

private:
    struct Slot {
        CLI::Option* option;
        std::string* value;
        bool is_path;
    };

    void add(std::vector<Slot>& slots, const std::string& option, std::string& value, const std::string& help,
             bool is_path);
    static void fill(const std::vector<Slot>& slots, const char* variable);
    [[nodiscard]] int failed(int status, std::string_view message) const;

    std::string name_;
    CLI::App app_;
    std::vector<Slot> inputs_;
    std::vector<Slot> outputs_;
    double timeout_s_ = 600;
    std::string job_;
    std::string socket_;
};

}  // namespace brain_mri
