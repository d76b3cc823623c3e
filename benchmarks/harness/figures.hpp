#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report.hpp"

namespace fastio::bench {

/// Where client and service run. `apart`: on two processors, so that each round wakes a sleeping one.
enum class Placement { apart, free };

/// create, publish and free, each beside a raw SEQPACKET ping-pong.
[[nodiscard]] std::vector<Figure> measure_control_requests(std::size_t rounds, Placement placement);

/// publish until a get that blocked in another process has returned, beside a raw futex ping-pong.
[[nodiscard]] std::vector<Figure> measure_publish_to_get(std::size_t rounds, Placement placement);
int run_getter(const std::string& socket, int answers);

/// CPU time of fastiod per request while `clients` processes are busy.
[[nodiscard]] std::vector<Figure> measure_busy_clients(std::size_t clients, double seconds);
int run_busy_client(const std::string& socket, std::size_t number);

/// Wake-ups and resident memory of fastiod with `clients` idle clients.
[[nodiscard]] std::vector<Figure> measure_at_rest(std::size_t clients, double seconds);

/// The service's death until a blocked get has ended, and a client's until its memory is another's.
[[nodiscard]] std::vector<Figure> measure_deaths(std::size_t rounds);
int run_holder(const std::string& socket, int ready);

/// Requests of one client while others are stopped, flood the service or die, beside the same undisturbed.
[[nodiscard]] std::vector<Figure> measure_disturbance(std::size_t rounds);
int run_victim(const std::string& socket);
/// `what`: requests, sums or lists.
int run_flooder(const std::string& socket, const std::string& what);

}  // namespace fastio::bench
