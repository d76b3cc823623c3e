#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fastio/context.hpp>

#include "client/client.hpp"

namespace fastio::detail {

/// For messages: how many names there are, and who shows them. Asks nobody.
[[nodiscard]] std::string describe_names(Client& client, std::string_view job);

/// Errors of both: as Context::list and Context::stats.
[[nodiscard]] std::vector<PublicationInfo> list(Client& client, std::string_view prefix);
[[nodiscard]] ContextStats stats(Client& client);

}  // namespace fastio::detail
