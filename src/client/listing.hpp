#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/context.hpp>

#include "client/client.hpp"

namespace fastio::detail {

/// As the table and the service's rows have it, where 0 is `forever`.
[[nodiscard]] std::chrono::nanoseconds to_time_to_live(std::uint64_t ns) noexcept;

/// For messages: how many names there are, and who shows them. Asks nobody.
[[nodiscard]] std::string describe_names(Client& client, std::string_view job);

/// Errors of both: as Context::list and Context::stats.
[[nodiscard]] std::vector<PublicationInfo> list(Client& client, std::string_view prefix);
[[nodiscard]] ContextStats stats(Client& client);

}  // namespace fastio::detail
