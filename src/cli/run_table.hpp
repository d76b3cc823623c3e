#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fastio/service.hpp>

#include "cli/json.hpp"
#include "cli/pipeline.hpp"
#include "cli/supervisor.hpp"

namespace fastio::cli {

/// What a run did, operator by operator, in the order of the pipeline.
struct RunFigures {
    struct Row {
        std::string name{};
        std::optional<ProcessEnd> end{};  ///< empty: it was not started
        std::uint64_t bytes_published = 0;
        std::uint64_t bytes_copied = 0;
    };
    std::string pipeline{};
    std::string job{};
    std::vector<Row> rows{};
    std::uint64_t bytes_copied = 0;  ///< by all
};
/// `infos` are what the service counted for the run's job.
[[nodiscard]] RunFigures run_figures(const Pipeline& pipeline, const std::string& job,
                                     const std::vector<ProcessEnd>& ends, const std::vector<OperatorInfo>& infos);

/// Operator, seconds, bytes published, bytes copied, and a last line that says how much was copied between operators.
[[nodiscard]] std::string run_table(const RunFigures& figures);
[[nodiscard]] Json json_of(const RunFigures& figures);

}  // namespace fastio::cli
