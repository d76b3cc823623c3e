#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <fastio/fastio.hpp>

#include "compute/processor.hpp"
#include "delivery.hpp"

namespace frames {

/// What the three programs have in common: options, signals, the context and the next one, the exit status.
///
/// Exit status: 0, also after SIGINT or SIGTERM; 1 after a failure; 2 for wrong usage. Errors are one line on standard
/// error.
class Program {
public:
    Program(std::string name, const std::string& description);
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// For options of the program's own.
    [[nodiscard]] CLI::App& options() { return app_; }
    /// How frames travel, as the options say.
    [[nodiscard]] const Delivery& delivery() const { return delivery_; }
    /// --timeout-s and --slow-ms, for a program that reads frames.
    void add_consumer_options();
    [[nodiscard]] std::chrono::nanoseconds timeout() const;
    /// Plays a slow consumer.
    void dawdle() const;

    /// Parses, joins the job and calls `work`, which returns at the end of the stream. Where the service is lost
    /// meanwhile, `work` is called again with a Context of the service that has taken its place. In the end prints what
    /// `counts` says.
    [[nodiscard]] int run(int argc, char** argv, const std::function<void(fastio::Context&)>& work,
                          const std::function<std::string()>& counts);

    /// For the context's memory. Made at the first call and used from then on: a GPU outlives its service.
    [[nodiscard]] Processor& processor(const fastio::Context& context);

private:
    void join_and_work(const std::function<void(fastio::Context&)>& work);
    [[nodiscard]] int failed(int status, std::string_view message) const;
    void tell(std::string_view message) const;

    std::string name_;
    CLI::App app_;
    std::string job_;
    std::string socket_;
    double timeout_s_ = 30;
    unsigned slow_ms_ = 0;
    Delivery delivery_;
    std::unique_ptr<Processor> processor_;
};

}  // namespace frames
