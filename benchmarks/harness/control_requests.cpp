#include <fmt/format.h>

#include <fastio/fastio.hpp>

#include "figures.hpp"
#include "ping_pong.hpp"

namespace fastio::bench {
namespace {

constexpr std::size_t kMessageBytes = 128;  // between a create (about 100 bytes) and a publish (about 400)
constexpr std::size_t kBlock = 50;          // rounds of one kind before the next: drift hits all of them alike

}  // namespace

std::vector<Figure> measure_control_requests(std::size_t rounds, Placement placement) {
    PrivateService service;
    SocketPingPong raw(kMessageBytes);
    Context context{{.job = "bench", .socket = service.socket(), .connect_timeout = std::chrono::seconds(10)}};
    if (placement == Placement::apart) {
        pin(0, 0);
        pin(service.pid(), 1);
        pin(raw.pid(), 1);
    }
    Samples ping;
    Samples create;
    Samples publish;
    Samples free;
    for (std::size_t round = 0; round < rounds; ++round) {
        if (round % kBlock == 0) {
            for (std::size_t i = 0; i < kBlock; ++i) {
                const auto start = std::chrono::steady_clock::now();
                raw.round();
                ping.add(nanoseconds_since(start));
            }
        }
        const std::string name = fmt::format("frame-{}", round % 16);
        auto start = std::chrono::steady_clock::now();
        Allocation allocation = context.create(std::uint64_t{64} << 10);
        create.add(nanoseconds_since(start));
        start = std::chrono::steady_clock::now();
        allocation.publish(name);
        publish.add(nanoseconds_since(start));
        start = std::chrono::steady_clock::now();
        allocation.free();
        free.add(nanoseconds_since(start));
    }
    const char* where = placement == Placement::apart ? "two cores" : "any core";
    std::vector<Figure> figures;
    const auto add = [&](const char* what, const Samples& samples) {
        figures.push_back({fmt::format("{}, {}", what, where), "us", samples.median() / 1e3, samples.p99() / 1e3,
                           "raw SEQPACKET ping-pong", ping.median() / 1e3, 1.4});
    };
    add("create", create);
    add("publish", publish);
    add("free", free);
    return figures;
}

}  // namespace fastio::bench
