#include <fmt/format.h>

#include <fastio/fastio.hpp>
#include <thread>

#include "figures.hpp"
#include "processes.hpp"

namespace fastio::bench {

std::vector<Figure> measure_at_rest(std::size_t clients, double seconds) {
    PrivateService service;
    std::vector<Context> contexts;
    for (std::size_t number = 0; number < clients; ++number) {
        contexts.emplace_back(ContextOptions{.job = fmt::format("bench-{}", number % 10),
                                             .socket = service.socket(),
                                             .connect_timeout = std::chrono::seconds(10)});
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const auto switches = [&] {
        return status_value(service.pid(), "voluntary_ctxt_switches") +
               status_value(service.pid(), "nonvoluntary_ctxt_switches");
    };
    const std::uint64_t before = switches();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    const auto wake_ups = static_cast<double>(switches() - before);
    // The tables, lease pages and slabs are shared memory; what is left is the service's own.
    const auto own_kib =
        static_cast<double>(status_value(service.pid(), "RssAnon") + status_value(service.pid(), "RssFile"));
    return {{fmt::format("wake-ups in {} s, {} idle clients", seconds, clients), "", wake_ups, {}, {}, {}, 0.0},
            {fmt::format("resident beside the tables, {} clients", clients), "MiB", own_kib / 1024, {}, {}, {}, 40.0}};
}

}  // namespace fastio::bench
