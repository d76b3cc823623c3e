#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/limits.hpp"

namespace spdlog {
class logger;
}

namespace fastio::service {

/// What the clients of one user may use together; 0: no limit. docs/security.md has them in a table.
struct UserLimits {
    std::uint64_t contexts = 0;  ///< that it made and that have not ended
    std::uint64_t allocations = 0;
    std::uint64_t names = 0;     ///< that it published last, in all contexts
    std::uint64_t leases = 0;    ///< entries granted to its clients; each starts with table::kLeasesPerChunk
    std::uint64_t clients = 0;   ///< connections, silent and quarantined ones included
    std::uint64_t requests = 0;  ///< that wait for memory at a time
    std::uint64_t queued = 0;    ///< bytes that may be queued for its clients (Session::queue_bytes)
};

/// How a service is told to be. A value; checked by Service.
struct Options {
    std::string socket{};                ///< where it listens
    std::optional<std::string> group{};  ///< members of this group may connect, and may join each other's contexts
    std::uint64_t pool_max = 0;          ///< bytes that the slabs of one device may reach; 0: the device's own default
    std::uint64_t quota = 0;             ///< bytes in allocations of one context; 0: none
    std::uint64_t debug_memory = 0;      ///< bytes of freed memory that a context holds back, filled; 0: none
    std::uint64_t user_quota = 0;        ///< bytes in allocations of one user; 0: none
    UserLimits user{};
    std::uint32_t max_clients = kDefaultMaxClients;
    std::uint32_t max_contexts = kDefaultMaxContexts;        ///< that have not ended
    std::uint32_t max_leases = kDefaultMaxLeases;            ///< per client
    std::uint32_t max_allocations = kDefaultMaxAllocations;  ///< per context
    std::chrono::milliseconds trim_after{5'000};             ///< for which an empty slab was not needed goes back
    std::chrono::milliseconds linger{0};                     ///< how long a context outlives its last member
    std::chrono::milliseconds fence_limit{60'000};           ///< after which a pending fence is reported and completed
    /// How long a create that needs memory which others must unmap first waits for them.
    std::chrono::milliseconds closing_patience{2'000};
    std::string metrics{};  ///< where Prometheus finds metrics, as TcpListener takes it; empty: nowhere
    std::chrono::milliseconds metrics_patience{10'000};  ///< how long one connection to the metrics may take in all
    /// For tests: descriptors that clients send arrive, as they do on a Linux before 6.16, and are closed.
    bool let_descriptors_in = false;
    int stop_descriptor = -1;  ///< where it is given, the service ends when this becomes readable (a signalfd)
    std::shared_ptr<spdlog::logger> log{};  ///< null: silent
};

/// "4096", "64K", "8G", "1T", with an optional "B" or "iB"; powers of 1024. Errors: invalid_argument.
[[nodiscard]] std::uint64_t parse_size(std::string_view text);

}  // namespace fastio::service
