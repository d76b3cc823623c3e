#include <fmt/format.h>
#include <unistd.h>

#include <fastio/fastio.hpp>
#include <thread>

#include "figures.hpp"
#include "ping_pong.hpp"

namespace fastio::bench {
namespace {

using Clock = std::chrono::steady_clock;                  // one clock for both processes: CLOCK_MONOTONIC
constexpr auto kSettle = std::chrono::microseconds(300);  // until the getter surely sleeps
constexpr std::size_t kBlock = 20;

}  // namespace

int run_getter(const std::string& socket, int answers) {
    Context context{{.job = "bench", .socket = socket, .connect_timeout = std::chrono::seconds(10)}};
    std::uint64_t version = 0;
    while (true) {
        const Allocation tick = context.get("tick", {.timeout = forever, .newer_than = version});
        const std::int64_t woken = Clock::now().time_since_epoch().count();
        version = tick.version();
        if (::write(answers, &woken, sizeof(woken)) != sizeof(woken)) {
            return 0;
        }
    }
}

std::vector<Figure> measure_publish_to_get(std::size_t rounds, Placement placement) {
    PrivateService service;
    FutexPingPong raw;
    int answers[2] = {-1, -1};
    if (::pipe(answers) != 0) {
        throw std::runtime_error("pipe failed");
    }
    const Process getter({self(), "--role", "getter", "--socket", service.socket(), "--fd", std::to_string(answers[1])},
                         std::span<const int>(&answers[1], 1));
    Context context{{.job = "bench", .socket = service.socket(), .connect_timeout = std::chrono::seconds(10)}};
    if (placement == Placement::apart) {
        pin(0, 0);
        pin(service.pid(), 1);
        pin(getter.pid(), 0);
        pin(raw.pid(), 1);
    }
    const Allocation memory = context.create(4096);
    Samples ping;
    Samples woken;
    for (std::size_t round = 0; round < rounds; ++round) {
        if (round % kBlock == 0) {
            for (std::size_t i = 0; i < kBlock; ++i) {
                std::this_thread::sleep_for(kSettle);
                const auto start = Clock::now();
                raw.round();
                ping.add(nanoseconds_since(start));
            }
        }
        std::this_thread::sleep_for(kSettle);
        Allocation tick = context.create(4096);
        const std::int64_t start = Clock::now().time_since_epoch().count();
        tick.publish("tick", {.replace = true});
        std::int64_t end = 0;
        if (::read(answers[0], &end, sizeof(end)) != sizeof(end)) {
            throw std::runtime_error("the getter ended early");
        }
        woken.add(static_cast<double>(end - start));
    }
    ::close(answers[0]);
    ::close(answers[1]);
    return {{fmt::format("publish to woken get, {}", placement == Placement::apart ? "two cores" : "any core"), "us",
             woken.median() / 1e3, woken.p99() / 1e3, "raw futex ping-pong", ping.median() / 1e3, 1.5}};
}

}  // namespace fastio::bench
