#pragma once

#include "cases.hpp"

/// The cases and the roles, one file each; ../README.md says what they measure.
namespace fastio::gpu_bench {

[[nodiscard]] Outcome measure_allocate(const Settings& settings);
[[nodiscard]] Outcome measure_open(const Settings& settings);
[[nodiscard]] Outcome measure_pool(const Settings& settings);
[[nodiscard]] Outcome measure_get(const Settings& settings);
[[nodiscard]] Outcome measure_handover(const Settings& settings);
[[nodiscard]] Outcome measure_kill(const Settings& settings);
[[nodiscard]] Outcome measure_upload(const Settings& settings);
[[nodiscard]] Outcome measure_alternate(const Settings& settings);

void run_exporter(int descriptor, const std::string& socket);
void run_publisher(int descriptor, const std::string& socket);
void run_consumer(int descriptor, const std::string& socket);
void run_victim(int descriptor, const std::string& socket);
void run_victim_with_child(int descriptor, const std::string& socket);
void run_second_operator(int descriptor, const std::string& socket);

}  // namespace fastio::gpu_bench
