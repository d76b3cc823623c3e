#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace fastio::service {

struct Registry;

/// What connections hold of the service. Counted anew each time, so that no way to end a session can forget to give
/// something back; the bytes and allocations of users are in Accounts.
struct Usage {
    std::uint64_t connections = 0;  ///< from accept on, quarantined ones included
    std::uint64_t leases = 0;       ///< entries granted
    std::uint64_t requests = 0;     ///< that wait for memory
    std::uint64_t queued = 0;       ///< bytes that may be queued
};
/// Of one user, or of all.
[[nodiscard]] Usage usage(const Registry& registry, std::optional<uid_t> user = std::nullopt);

/// What the kernel queues at most for who reads at the other end of this socket; 0 where it does not say.
[[nodiscard]] std::uint64_t send_buffer_bytes(int socket) noexcept;

// Options::user, each checked before one more is given to that user; of contexts Options::max_contexts too. Errors:
// quota_exceeded, with the limit's name and number; lease_limit of check_leases.
void check_connection(const Registry& registry, uid_t user);
/// Not of Options: descriptors of this user's clients that are not closed yet.
void check_foreign(const Registry& registry, uid_t user);
/// Nor this: replies with descriptors that this user's clients, or all, have not read.
void check_unread(Registry& registry, uid_t user);
void check_leases(const Registry& registry, uid_t user);
void check_requests(const Registry& registry, uid_t user);
void check_contexts(const Registry& registry, uid_t user, std::string_view job);
void check_queue(const Registry& registry, uid_t user, std::uint64_t more_bytes);

}  // namespace fastio::service
