#include <fmt/format.h>
#include <signal.h>

#include <fastio/fastio.hpp>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "figures.hpp"
#include "processes.hpp"

namespace fastio::bench {
namespace {

constexpr std::size_t kBlock = 200;  // requests of one kind before the next: drift hits both alike

ContextOptions options_for(const std::string& socket, const char* job) {
    return {.job = job, .socket = socket, .connect_timeout = std::chrono::seconds(10)};
}

/// Between two requests of one kind: none, or as an operator has that works in between.
using Pause = std::chrono::microseconds;

void request(Context& context, Samples& samples, Pause pause) {
    if (pause != Pause::zero()) {
        std::this_thread::sleep_for(pause);
    }
    const auto start = std::chrono::steady_clock::now();
    context.create(std::uint64_t{64} << 10U).free();
    samples.add(nanoseconds_since(start));
}

Process start(const char* role, const std::string& socket) {
    return Process({self(), "--role", role, "--socket", socket}, {});
}

/// Longer than a client may ask for as much as it likes (service/time_share.hpp): what is measured is what lasts.
constexpr std::chrono::milliseconds kUntilItCounts{300};

template <class Call>
void call_for(std::chrono::milliseconds time, Call&& call) {
    for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;) {
        call();
    }
}

/// Requests in blocks, alternately without and with what `disturb` starts and its result's destructor ends.
template <class Disturb>
Figure measure(const std::string& what, std::size_t rounds, Pause pause, Disturb&& disturb) {
    const PrivateService service;
    Context context(options_for(service.socket(), "bench"));
    Samples quiet;
    Samples disturbed;
    for (std::size_t round = 0; round < rounds; round += kBlock) {
        for (std::size_t i = 0; i < kBlock; ++i) {
            request(context, quiet, pause);
        }
        auto other = disturb(service.socket(), context);
        for (std::size_t i = 0; i < kBlock; ++i) {
            request(context, disturbed, pause);
        }
    }
    return {.what = fmt::format("create and free while {}", what),
            .unit = "us",
            .median = disturbed.median() / 1e3,
            .p99 = disturbed.p99() / 1e3,
            .reference = "the same undisturbed",
            .reference_median = quiet.median() / 1e3,
            .at_most = 1.2};
}

/// Blocks until a client of this role has published.
void await(Context& context) {
    context.get("ready", {.timeout = std::chrono::seconds(10)}).free();
}

class Stopped {
public:
    explicit Stopped(Process&& process) : process_(std::move(process)) { ::kill(process_.pid(), SIGSTOP); }

private:
    Process process_;
};

/// Clients that join, hold memory and are killed, one after the other.
class Dying {
public:
    explicit Dying(const std::string& socket)
        : thread_([this, socket] {
              Context context(options_for(socket, "dying"));
              while (!done_) {
                  const Process victim = start("victim", socket);
                  await(context);
              }
          }) {}
    ~Dying() {
        done_ = true;
        thread_.join();
    }
    Dying(const Dying&) = delete;
    Dying& operator=(const Dying&) = delete;

private:
    std::atomic<bool> done_ = false;
    std::thread thread_;
};

}  // namespace

int run_victim(const std::string& socket) {
    Context context(options_for(socket, "dying"));
    const Watch watch = context.watch();
    context.create(4096).publish("ready", {.replace = true});
    while (true) {
        context.create(4096).free();
    }
}

int run_flooder(const std::string& socket, const std::string& what) {
    Context context(options_for(socket, "dying"));
    Service service(socket);
    std::vector<Allocation> leases;
    std::function<void()> ask = [&] { context.create(4096).free(); };
    if (what != "requests") {
        context.create(4096).publish("leased");
        while (leases.size() < 60'000) {  // which the service looks at for each sum
            leases.push_back(context.get("leased"));
        }
        ask = what == "sums" ? std::function<void()>([&] { static_cast<void>(service.totals()); })
                             : [&] { static_cast<void>(service.allocations("dying")); };
    }
    call_for(kUntilItCounts, ask);
    context.create(4096).publish("ready", {.replace = true});
    while (true) {
        ask();
    }
}

std::vector<Figure> measure_disturbance(std::size_t rounds) {
    const auto with = [](const char* role) {
        return [role](const std::string& socket, Context&) {
            Context member(options_for(socket, "dying"));
            Process process = start(role, socket);
            await(member);
            return process;
        };
    };
    constexpr Pause kNone{0};
    constexpr Pause kWork{200};
    const auto at_work = [&](const char* what) { return fmt::format("{}, one each {} us", what, kWork.count()); };
    return {
        measure("a client is stopped", rounds, kNone,
                [&](const std::string& socket, Context& context) { return Stopped(with("victim")(socket, context)); }),
        measure("a client floods", rounds, kNone, with("requests")),
        measure(at_work("a client floods"), rounds, kWork, with("requests")),
        measure(at_work("a client asks for sums only"), rounds, kWork, with("sums")),
        measure(at_work("a client asks for lists only"), rounds, kWork, with("lists")),
        measure("clients die, one after the other", rounds, kNone,
                [](const std::string& socket, Context&) { return Dying(socket); })};
}

}  // namespace fastio::bench
