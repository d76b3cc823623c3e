#include <signal.h>
#include <spdlog/logger.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/version.hpp>

#include "core/fail.hpp"
#include "core/utf8.hpp"
#include "device/host_memory.hpp"
#include "gpu/choose_devices.hpp"
#include "service/log.hpp"
#include "service/options.hpp"
#include "service/service.hpp"
#include "service/service_manager.hpp"
#include "wire/socket_path.hpp"

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

const std::map<std::string, fastio::HugePages>& huge_pages_options() {
    static const std::map<std::string, fastio::HugePages> options{{"at-creation", fastio::HugePages::at_creation},
                                                                  {"when-idle", fastio::HugePages::when_idle},
                                                                  {"never", fastio::HugePages::never}};
    return options;
}

struct CommandLine {
    std::string socket{};
    std::string group{};
    std::vector<std::string> devices{};
    std::string pool_max{"0"};
    std::string quota{"0"};
    std::string user_quota{"0"};
    std::string debug_memory{"0"};
    std::string user_queued{"0"};
    double linger_s = 0;
    double trim_after_s = 5;
    double fence_limit_s = 60;
    std::string huge_pages{"at-creation"};
    std::string log_level{"info"};
    fastio::service::Options options{};
};

void describe(CLI::App& app, CommandLine& line) {
    app.add_option("--socket", line.socket,
                   "where to listen (default: $FASTIO_SOCKET, else the user's runtime folder)");
    app.add_option("--group", line.group, "let the members of this group connect, and join each other's contexts");
    app.add_option("--device", line.devices,
                   "a device to serve, 'host', 'cuda:N' or 'cuda:UUID'; may be given several times (default: all GPUs, "
                   "else host)");
    app.add_option(
        "--pool-max", line.pool_max,
        "bytes that the slabs of one device may reach, e.g. 8G (default: 0.9 of a GPU's free memory, half of the "
        "host's)");
    app.add_option("--huge-pages", line.huge_pages,
                   "when to put host memory into huge pages: at-creation makes a first create slower where free memory "
                   "is in pieces, or a virtual machine's host takes it back, and all use of it faster; when-idle does "
                   "it later, while it may be in use; never")
        ->check(CLI::IsMember(huge_pages_options()))
        ->capture_default_str();
    app.add_option("--quota", line.quota, "bytes that the allocations of one context may reach, e.g. 2G; 0: no limit")
        ->capture_default_str();
    app.add_option("--debug-memory", line.debug_memory,
                   "to find uses after free: fill freed memory with 0xdf, and hold back so many bytes of it in each "
                   "context and device, e.g. 64M (default: none)");
    app.add_option("--user-quota", line.user_quota, "bytes that the allocations of one user may reach; 0: no limit")
        ->capture_default_str();
    app.add_option("--user-contexts", line.options.user.contexts,
                   "contexts that one user made and that have not ended; 0: no limit")
        ->capture_default_str();
    app.add_option("--user-allocations", line.options.user.allocations, "allocations of one user; 0: no limit")
        ->capture_default_str();
    app.add_option("--user-names", line.options.user.names,
                   "names that one user published and that are not unpublished; 0: no limit")
        ->capture_default_str();
    app.add_option("--user-leases", line.options.user.leases,
                   "leases that are granted to the clients of one user, 512 at a time; 0: no limit")
        ->capture_default_str();
    app.add_option("--user-clients", line.options.user.clients, "connections of one user at a time; 0: no limit")
        ->capture_default_str();
    app.add_option("--user-requests", line.options.user.requests,
                   "requests of one user that wait for memory at a time; 0: no limit")
        ->capture_default_str();
    app.add_option("--user-queued", line.user_queued,
                   "bytes that may be queued for the clients of one user, e.g. 64M: each client counts with the "
                   "buffers of its two sockets; 0: no limit")
        ->capture_default_str();
    app.add_option("--max-clients", line.options.max_clients, "clients at a time, quarantined ones included")
        ->capture_default_str();
    app.add_option("--max-contexts", line.options.max_contexts,
                   "contexts at a time; persistent ones count without members too")
        ->capture_default_str();
    app.add_option("--max-leases", line.options.max_leases, "leases of one client")->capture_default_str();
    app.add_option("--max-allocations", line.options.max_allocations, "allocations of one context")
        ->capture_default_str();
    app.add_option(
           "--trim-after", line.trim_after_s,
           "seconds after which a context's empty slabs that were not needed, but for one, go back to the device")
        ->check(CLI::Range(0.0, 1e9))
        ->capture_default_str();
    app.add_option("--linger", line.linger_s, "seconds that a context outlives its last member")
        ->check(CLI::Range(0.0, 1e9))
        ->capture_default_str();
    app.add_option("--fence-limit", line.fence_limit_s,
                   "seconds after which contents that a stream has not completed are given up")
        ->check(CLI::Range(0.001, 1e9))
        ->capture_default_str();
    app.add_option("--metrics", line.options.metrics,
                   "where to serve metrics for Prometheus, as http://ADDR:PORT/metrics: 127.0.0.1:9464 or [::1]:9464; "
                   "port 0 takes any that is free, and the log says which (default: nowhere)")
        ->type_name("ADDR:PORT");
    app.add_option("--log-level", line.log_level,
                   "how much to log, to standard error: debug says each create, publish, unpublish and free, each "
                   "refused request, and each slab; trace is no more than that")
        ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "critical", "off"}))
        ->capture_default_str();
    app.set_config("--config", "", "a file with these options, one NAME=VALUE a line");
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.set_version_flag("--version", "fastiod " FASTIO_VERSION_STRING);
}

/// A client takes five descriptors: its sockets, its pidfd, its lifeline, its lease pages.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/// Becomes readable when the service is told to end. The signals are blocked here and in all later threads.
fastio::Descriptor end_signals() {
    sigset_t signals{};
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    fastio::Descriptor descriptor{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!descriptor) {
        fastio::fail(fastio::Errc::io_error, "could not make a descriptor for signals");
    }
    return descriptor;
}

/// What people typed stands in messages, and may have line ends in it. Needs no memory: that may be what is short.
int fail_with(int status, std::string_view message) noexcept {
    std::array<char, 4096> line{};
    const std::size_t bytes = std::min(message.size(), line.size() - 1);
    std::replace_copy_if(
        message.begin(), message.begin() + static_cast<std::ptrdiff_t>(bytes), line.begin(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    std::fprintf(stderr, "fastiod: %s\n", line.data());
    return status;
}

/// What it is not told is no reason to end.
void tell_service_manager(std::string_view state, spdlog::logger& log) {
    try {
        fastio::service::tell_service_manager(state);
    } catch (const std::exception& error) {
        log.warn("{}", error.what());
    }
}

void log_end(const fastio::Descriptor& ending, spdlog::logger& log) {
    signalfd_siginfo signal{};
    if (::read(ending.get(), &signal, sizeof(signal)) == static_cast<ssize_t>(sizeof(signal))) {
        log.info("ends: process {} of user {} sent SIG{}", signal.ssi_pid, signal.ssi_uid,
                 ::sigabbrev_np(static_cast<int>(signal.ssi_signo)));
    }
}

int serve(CommandLine& line) {
    ::prctl(PR_SET_DUMPABLE, 0);  // nobody of the same user may read the clients' memory through /proc/PID/fd or ptrace
    raise_descriptor_limit();
    ::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is an error of the call that meets it, not the service's end
    ::signal(SIGPIPE, SIG_IGN);  // nor is a log whose reader has gone
    const fastio::Descriptor ending = end_signals();
    fastio::service::Options& options = line.options;
    options.log = fastio::service::make_log("fastiod", STDERR_FILENO);
    options.log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l fastiod: %v");
    options.log->set_level(spdlog::level::from_str(line.log_level));
    options.socket = fastio::wire::default_listening_path(line.socket);
    if (!line.group.empty()) {
        options.group = line.group;
    }
    options.pool_max = fastio::service::parse_size(line.pool_max);
    options.quota = fastio::service::parse_size(line.quota);
    options.debug_memory = fastio::service::parse_size(line.debug_memory);
    options.user_quota = fastio::service::parse_size(line.user_quota);
    options.user.queued = fastio::service::parse_size(line.user_queued);
    options.linger = std::chrono::milliseconds(static_cast<std::int64_t>(line.linger_s * 1000));
    options.trim_after = std::chrono::milliseconds(static_cast<std::int64_t>(line.trim_after_s * 1000));
    options.fence_limit = std::chrono::milliseconds(static_cast<std::int64_t>(line.fence_limit_s * 1000));
    options.stop_descriptor = ending.get();
    fastio::gpu::ChosenDevices devices =
        fastio::gpu::choose_devices(line.devices, huge_pages_options().at(line.huge_pages));
    std::vector<std::string> synchronising;
    for (const auto& memory : devices.memories) {
        if (memory->info().stream_order == fastio::StreamOrder::synchronise) {
            synchronising.push_back(memory->info().name);
        }
    }
    const std::string ready = "READY=1\nSTATUS=listening at " + fastio::printable(options.socket);
    fastio::service::Service service(options, std::move(devices.memories));
    // Only now: a start that fails says one line, why.
    for (const std::string& gpu : devices.left_out) {
        options.log->warn("{}", fastio::printable(gpu));
    }
    if (!devices.why_host.empty()) {
        options.log->warn("serving host memory: {}", fastio::printable(devices.why_host));
    }
    for (const std::string& device : synchronising) {
        options.log->warn("the streams of {} cannot wait for memory: publishing on one waits on the host",
                          fastio::printable(device));
    }
    tell_service_manager(ready, *options.log);
    service.run();
    log_end(ending, *options.log);
    tell_service_manager("STOPPING=1", *options.log);
    return 0;
}

int run(int argc, char** argv) {
    CLI::App app{"The Fast I/O service: owns device memory that the processes of a pipeline share by name."};
    CommandLine line;
    try {
        describe(app, line);
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) {  // --help, --version
        return app.exit(asked);
    } catch (const CLI::ParseError& error) {
        return fail_with(kWrongUsage, error.what() + std::string("; `fastiod --help` shows how"));
    }
    return serve(line);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const fastio::Error& error) {
        return fail_with(error.errc() == fastio::Errc::invalid_argument ? kWrongUsage : kFailed, error.what());
    } catch (const std::exception& error) {
        return fail_with(kFailed, error.what());
    }
}
