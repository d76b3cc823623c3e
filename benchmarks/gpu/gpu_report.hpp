#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "report.hpp"

namespace fastio::gpu_bench {

using bench::Samples;

/// One line of the report. What is judged is how many times faster it is than what was measured beside it.
struct Figure {
    std::string what{};
    std::string unit{};  ///< of the medians: "ns", "us" or "ms"
    double median = 0;
    std::optional<double> p99{};
    std::uint64_t samples = 0;
    std::string reference{};  ///< what it is compared with; empty: with nothing
    std::optional<double> reference_median{};
    std::optional<double> at_least{};  ///< times faster, asked for; below 1 it may be slower
};

/// Times in the unit that suits them; `what` and the reference as in Figure.
[[nodiscard]] Figure figure_of(std::string what, const Samples& nanoseconds);
[[nodiscard]] Figure figure_of(std::string what, const Samples& nanoseconds, std::string reference,
                               const Samples& reference_nanoseconds, std::optional<double> at_least = {});

/// What one case found.
struct Outcome {
    std::vector<Figure> figures{};
    std::vector<std::string> left_out{};  ///< parts that were not measured, each with its reason
    std::vector<std::string> notes{};     ///< what a reader must know about the figures
};

[[nodiscard]] nlohmann::json to_json(const Outcome& outcome);

/// The report as a table: its "cases" are what to_json gave for each, with its name as "case", or an "error".
[[nodiscard]] std::string as_table(const nlohmann::json& report);

}  // namespace fastio::gpu_bench
