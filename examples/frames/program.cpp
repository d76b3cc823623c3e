#include "program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <thread>

#include "stop.hpp"

namespace frames {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
/// For a service that takes the place of one that died.
constexpr std::chrono::seconds kConnectTimeout{10};

std::string one_line(std::string_view text) {
    std::string line(text.substr(0, text.find_last_not_of(" \n") + 1));
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

}  // namespace

Program::Program(std::string name, const std::string& description) : name_(std::move(name)), app_(description, name_) {
    app_.add_option("--policy", delivery_.policy, "latest: the newest frame wins; last-n: each frame is delivered")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, Policy>{{"latest", Policy::latest}, {"last-n", Policy::last_n}}));
    app_.add_option("--keep", delivery_.keep, "names that a producer keeps alive (last-n)")
        ->capture_default_str()
        ->check(CLI::Range(1, 10'000));
    app_.add_option("--job", job_, "the job to join (default: $FASTIO_JOB)");
    app_.add_option("--socket", socket_, "the service's socket (default: $FASTIO_SOCKET)");
}

void Program::add_consumer_options() {
    app_.add_option("--timeout-s", timeout_s_, "seconds to wait for the next one")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1e9));
    app_.add_option("--slow-ms", slow_ms_, "milliseconds to sleep after each one, to play a slow consumer")
        ->capture_default_str();
}

std::chrono::nanoseconds Program::timeout() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(timeout_s_));
}

void Program::dawdle() const {
    std::this_thread::sleep_for(std::chrono::milliseconds(slow_ms_));
}

int Program::run(int argc, char** argv, const std::function<void(fastio::Context&)>& work,
                 const std::function<std::string()>& counts) {
    try {
        app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {
            return app_.exit(error);  // --help
        }
        return failed(kWrongUsage, fmt::format("{}; see --help", error.what()));
    }
    note_stop_signals();
    try {
        join_and_work(work);
    } catch (const Stopped&) {
        tell("stopped");
    } catch (const std::exception& error) {
        return failed(kFailed, error.what());
    }
    std::puts(fmt::format("{}: {}", name_, counts()).c_str());
    return 0;
}

void Program::join_and_work(const std::function<void(fastio::Context&)>& work) {
    for (;;) {
        try {
            fastio::Context context({.job = job_, .socket = socket_, .connect_timeout = kConnectTimeout});
            work(context);
            return;
        } catch (const fastio::Error& error) {
            if (error.errc() != fastio::Errc::service_lost) {
                throw;
            }
        }
        // All that was published went with the service's table, and what was got is given up by now.
        throw_if_stopped();
        tell("the service is gone; joining the one that takes its place");
    }
}

Processor& Program::processor(const fastio::Context& context) {
    if (processor_) {
        return *processor_;
    }
    constexpr std::string_view kGpu = "cuda:";
    const std::string& device = context.device();
    if (!device.starts_with(kGpu)) {
        processor_ = make_host_processor();
        return *processor_;
    }
    std::string notice;
    processor_ = make_gpu_processor(std::stoi(device.substr(kGpu.size())), notice);
    if (!processor_) {
        throw fastio::Error(fastio::Errc::unsupported,
                            fmt::format("computing on {}: {}; run all on the host ($FASTIO_DEVICE)", device, notice));
    }
    if (!notice.empty()) {
        tell(fmt::format("computing on the host, with copies from and to {}: {}", device, notice));
    }
    return *processor_;
}

void Program::tell(std::string_view message) const {
    std::fputs(fmt::format("{}: {}\n", name_, message).c_str(), stderr);
}

int Program::failed(int status, std::string_view message) const {
    tell(one_line(message));
    return status;
}

}  // namespace frames
