#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace fastio::detail {

/// The processes that have one of these client's ends of lifelines open, by the socket's inode, in order of their ids;
/// as far as /proc shows them to this user.
[[nodiscard]] std::map<std::uint64_t, std::vector<std::int64_t>> lifeline_holders(
    const std::set<std::uint64_t>& lifelines);

}  // namespace fastio::detail
