#pragma once

#include <sys/types.h>

#include <filesystem>

namespace fastio::detail {

/// Whether `user`, who is neither root nor this user, can serve at this socket only because root lets it: its folder,
/// links resolved, is the user's or root's and stands below `system` in folders that are root's, and nobody else may
/// write to any of them. The folders of single users, `system`/user, are none of these. False where one cannot be
/// looked at.
[[nodiscard]] bool is_of_the_system(const std::filesystem::path& socket, uid_t user,
                                    const std::filesystem::path& system = "/run");

}  // namespace fastio::detail
