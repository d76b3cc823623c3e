#pragma once

#include "cli/pipeline.hpp"

namespace fastio::cli {

/// The names are the dependency graph: whoever has an input waits for whoever outputs it. Refuses, with the place:
/// operators of the same name, a name twice among an operator's inputs or outputs, two producers of one name, an input
/// that nobody outputs (unless it has a path), an input by name of what its producer writes to a path, a cycle.
/// Errors: invalid_argument.
void check_graph(const Pipeline& pipeline);

}  // namespace fastio::cli
