#include <fmt/format.h>

#include <fastio/fastio.hpp>
#include <thread>

#include "figures.hpp"
#include "processes.hpp"

namespace fastio::bench {

int run_busy_client(const std::string& socket, std::size_t number) {
    Context context{{.job = "bench", .socket = socket, .connect_timeout = std::chrono::seconds(10)}};
    const std::string name = fmt::format("frame-{}", number);
    while (true) {
        Allocation allocation = context.create(std::uint64_t{64} << 10);
        allocation.publish(name);
        allocation.free();
    }
}

std::vector<Figure> measure_busy_clients(std::size_t clients, double seconds) {
    PrivateService service;
    const std::string& socket = service.socket();
    Service view(socket, std::chrono::seconds(10));
    std::vector<Process> processes;
    for (std::size_t number = 0; number < clients; ++number) {
        processes.emplace_back(
            std::vector<std::string>{self(), "--role", "busy", "--socket", socket, "--number", std::to_string(number)},
            std::span<const int>{});
    }
    while (view.totals().sessions < clients) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const std::uint64_t requests = view.totals().requests;
    const auto cpu = cpu_time(service.pid());
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    const auto used = std::chrono::duration<double, std::micro>(cpu_time(service.pid()) - cpu).count();
    const auto served = static_cast<double>(view.totals().requests - requests);
    return {{fmt::format("service CPU per request, {} busy clients", clients), "us", used / served, {}, {}, {}, 8.0},
            {fmt::format("requests per second, {} busy clients", clients), "k/s", served / seconds / 1e3}};
}

}  // namespace fastio::bench
