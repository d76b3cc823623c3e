#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace fastio::gpu_bench {

/// Runs this program with `arguments`, and gives what it hands back with answer_and_exit. After `limit` it is killed,
/// and what it had started with it. Never throws for what happens there: the answer is then {"error": "..."}.
[[nodiscard]] nlohmann::json run_apart(const std::vector<std::string>& arguments, std::chrono::seconds limit);

/// Ends the process, without destructors, with an answer to run_apart on `descriptor`.
[[noreturn]] void answer_and_exit(int descriptor, const nlohmann::json& answer);

}  // namespace fastio::gpu_bench
