#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include <fastio/context.hpp>
#include <fastio/service.hpp>
#include <fastio/watch.hpp>

#include "cli/pipeline.hpp"

namespace fastio::cli {

/// Keys keep the order in which they are written here.
using Json = nlohmann::ordered_json;

[[nodiscard]] Json json_of(const ServiceTotals& totals);
[[nodiscard]] Json json_of(const ContextInfo& context);
[[nodiscard]] Json json_of(const SessionInfo& session);
/// `sessions` give the holders their names and process ids.
[[nodiscard]] Json json_of(const AllocationInfo& allocation, const std::vector<SessionInfo>& sessions);
[[nodiscard]] Json json_of(const PublicationInfo& publication, const std::string& job);
/// One that was published or got.
[[nodiscard]] Json json_of(const Allocation& allocation, const std::string& job);
[[nodiscard]] Json json_of(const WatchEvent& event);
/// An operator's input or output as it is told in $FASTIO_INPUTS and $FASTIO_OUTPUTS: what was declared, no more.
[[nodiscard]] Json json_of(const Entry& entry);

/// JSON text. Bytes that are not UTF-8, which a process's own name may have, are replaced.
[[nodiscard]] std::string dump(const Json& json, int indent);

}  // namespace fastio::cli
