#pragma once

#include <string_view>
#include <vector>

#include <fastio/context.hpp>

#include "client/client.hpp"

namespace fastio::detail {

/// Errors of both: as Context::list and Context::stats.
[[nodiscard]] std::vector<PublicationInfo> list(Client& client, std::string_view prefix);
[[nodiscard]] ContextStats stats(Client& client);

}  // namespace fastio::detail
