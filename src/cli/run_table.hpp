#pragma once

#include <string>
#include <vector>

#include <fastio/service.hpp>

#include "cli/pipeline.hpp"
#include "cli/supervisor.hpp"

namespace fastio::cli {

/// What a run ends with: operator, seconds, bytes published, bytes copied, in the order of the pipeline, and a last
/// line that says how much was copied between operators. `infos` are what the service counted for the run's job.
[[nodiscard]] std::string run_table(const Pipeline& pipeline, const std::vector<ProcessEnd>& ends,
                                    const std::vector<OperatorInfo>& infos);

}  // namespace fastio::cli
