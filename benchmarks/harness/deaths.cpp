#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <fastio/fastio.hpp>
#include <stdexcept>
#include <thread>

#include "figures.hpp"
#include "processes.hpp"

namespace fastio::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kQuota = std::uint64_t{64} << 20U;
constexpr std::uint64_t kHeld = std::uint64_t{48} << 20U;  // twice does not fit
constexpr auto kSettle = std::chrono::milliseconds(2);     // until the getter surely sleeps

ContextOptions options_for(const std::string& socket) {
    return {.job = "bench", .socket = socket, .quota = kQuota, .connect_timeout = std::chrono::seconds(10)};
}

/// Waits for what others hold, or held until just now.
Allocation create_when_there_is_room(Context& context) {
    while (true) {
        try {
            return context.create(kHeld);
        } catch (const Error& error) {
            if (error.errc() != Errc::quota_exceeded) {
                throw;
            }
        }
    }
}

Figure measure_service_lost(std::size_t rounds) {
    Samples lost;
    for (std::size_t round = 0; round < rounds; ++round) {
        const PrivateService service;
        Context context(options_for(service.socket()));
        Clock::time_point woken;
        std::thread getter([&] {
            try {
                static_cast<void>(context.get("never", {.timeout = forever}));
            } catch (const Error&) {
                woken = Clock::now();
            }
        });
        std::this_thread::sleep_for(kSettle);
        const auto start = Clock::now();
        ::kill(service.pid(), SIGKILL);
        getter.join();
        lost.add(std::chrono::duration<double, std::nano>(woken - start).count());
    }
    return {.what = "death of the service to service_lost in a blocked get",
            .unit = "ms",
            .median = lost.median() / 1e6,
            .p99 = lost.p99() / 1e6,
            .at_most = 100};
}

Figure measure_reuse(std::size_t rounds) {
    const PrivateService service;
    Context context(options_for(service.socket()));
    Samples reused;
    for (std::size_t round = 0; round < rounds; ++round) {
        int ready[2] = {-1, -1};
        if (::pipe(ready) != 0) {
            throw std::runtime_error("pipe failed");
        }
        const Process holder(
            {self(), "--role", "holder", "--socket", service.socket(), "--fd", std::to_string(ready[1])},
            std::span<const int>(&ready[1], 1));
        ::close(ready[1]);
        char byte = 0;
        if (::read(ready[0], &byte, 1) != 1) {
            throw std::runtime_error("the holder ended early");
        }
        const auto start = Clock::now();
        ::kill(holder.pid(), SIGKILL);
        create_when_there_is_room(context).free();
        reused.add(nanoseconds_since(start));
        ::close(ready[0]);
    }
    return {.what = "kill -9 of a client to the reuse of its 48 MiB",
            .unit = "ms",
            .median = reused.median() / 1e6,
            .p99 = reused.p99() / 1e6,
            .at_most = 20};
}

}  // namespace

int run_holder(const std::string& socket, int ready) {
    Context context(options_for(socket));
    const Allocation held = create_when_there_is_room(context);
    if (::write(ready, "r", 1) != 1) {
        return 1;
    }
    while (true) {
        ::pause();
    }
}

std::vector<Figure> measure_deaths(std::size_t rounds) {
    return {measure_service_lost(rounds), measure_reuse(rounds)};
}

}  // namespace fastio::bench
