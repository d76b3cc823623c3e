#pragma once

#include <string>
#include <vector>

#include <fastio/service.hpp>

#include "cli/json.hpp"

namespace fastio::cli {

/// What a service holds, as `stat` and `top` show it.
struct Picture {
    ServiceTotals totals{};
    std::vector<ContextInfo> contexts{};
    std::vector<SessionInfo> sessions{};
    std::vector<AllocationInfo> allocations{};  ///< of one job only
};

/// Asks the service; of one job only where `job` is not empty. Errors: not_found (no such job), service_lost.
[[nodiscard]] Picture look(Service& service, const std::string& job);

[[nodiscard]] std::string text_of(const Picture& picture, const Service& service, bool with_allocations);
[[nodiscard]] Json json_of(const Picture& picture, bool with_allocations);

}  // namespace fastio::cli
