#include "service/user_limits.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>

#include "core/fail.hpp"
#include "service/registry.hpp"
#include "table/leases.hpp"

namespace fastio::service {

Usage usage(const Registry& registry, std::optional<uid_t> user) {
    Usage sum;
    for (const auto& [id, session] : registry.sessions) {
        if (user && session->uid != *user) {
            continue;
        }
        ++sum.connections;
        sum.leases += session->leases ? std::uint64_t{session->leases->granted_chunks()} * table::kLeasesPerChunk : 0;
        sum.requests += session->waiting ? 1 : 0;
        sum.queued += session->connected() ? session->queue_bytes : 0;
    }
    return sum;
}

std::uint64_t send_buffer_bytes(int socket) noexcept {
    int bytes = 0;
    socklen_t size = sizeof(bytes);
    return ::getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, &size) == 0 && bytes > 0
               ? static_cast<std::uint64_t>(bytes)
               : 0;
}

void check_connection(const Registry& registry, uid_t user) {
    const std::uint64_t most = registry.options.user.clients;
    if (most == 0) {
        return;
    }
    if (const std::uint64_t used = usage(registry, user).connections; used >= most) {
        fail(Errc::quota_exceeded,
             "connecting failed: user {} has {} connections, quarantined ones included, and may have {}; end one, or "
             "raise fastiod's --user-clients",
             user, used, most);
    }
}

void check_foreign(const Registry& registry, uid_t user) {
    constexpr std::size_t kMost = 2048;
    if (const std::size_t pending = registry.foreign.pending(user); pending >= kMost) {
        fail(Errc::quota_exceeded,
             "connecting failed: {} descriptors that clients of user {} passed could not be closed yet, and {} may be; "
             "whatever files they are, let them be closed",
             pending, user, kMost);
    }
}

void check_unread(Registry& registry, uid_t user) {
    registry.unread.end_read();
    std::size_t of_all = registry.unread.of_all();
    std::size_t of_user = registry.unread.of(user);
    for (const auto& [id, session] : registry.sessions) {
        if (!session->was_sent_descriptors || !session->connected()) {
            continue;
        }
        session->was_sent_descriptors = has_unread(session->request);
        of_all += session->was_sent_descriptors ? 1 : 0;
        of_user += session->was_sent_descriptors && session->uid == user ? 1 : 0;
    }
    const bool is_users = of_user >= UnreadReplies::kMostOfUser;
    if (is_users || of_all >= UnreadReplies::kMost) {
        fail(Errc::quota_exceeded,
             "hello failed: {} connections{} have not read the descriptors that they were sent, and {} may; let those "
             "clients read, or end them",
             is_users ? of_user : of_all, is_users ? fmt::format(" of user {}", user) : "",
             is_users ? UnreadReplies::kMostOfUser : UnreadReplies::kMost);
    }
}

void check_leases(const Registry& registry, uid_t user) {
    const std::uint64_t most = registry.options.user.leases;
    if (most == 0) {
        return;
    }
    if (const std::uint64_t used = usage(registry, user).leases; used + table::kLeasesPerChunk > most) {
        fail(Errc::lease_limit,
             "{} more leases were refused: the clients of user {} have {} and may have {}; release Allocations, end a "
             "client, or raise fastiod's --user-leases",
             table::kLeasesPerChunk, user, used, most);
    }
}

void check_requests(const Registry& registry, uid_t user) {
    const std::uint64_t most = registry.options.user.requests;
    if (most == 0) {
        return;
    }
    if (const std::uint64_t used = usage(registry, user).requests; used >= most) {
        fail(Errc::quota_exceeded,
             "create failed: {} requests of user {} wait for memory, and {} may; try again, or raise fastiod's "
             "--user-requests",
             used, user, most);
    }
}

void check_contexts(const Registry& registry, uid_t user, std::string_view job) {
    // Those that have ended are not among the jobs: their members, which are limited, are what still keeps them.
    const std::size_t all = registry.jobs.size();
    if (all >= registry.options.max_contexts) {
        fail(Errc::quota_exceeded,
             "join of '{}' failed: there are {} contexts, as many as may be; end one (`fastio rm --job`), or raise "
             "fastiod's --max-contexts",
             job, all);
    }
    const std::uint64_t most = registry.options.user.contexts;
    if (most == 0) {
        return;
    }
    const auto used = static_cast<std::uint64_t>(std::count_if(
        registry.jobs.begin(), registry.jobs.end(), [&](const auto& entry) { return entry.second->uid() == user; }));
    if (used >= most) {
        fail(Errc::quota_exceeded,
             "join of '{}' failed: user {} has {} contexts, and may have {}; end one (`fastio rm --job`), or raise "
             "fastiod's --user-contexts",
             job, user, used, most);
    }
}

void check_queue(const Registry& registry, uid_t user, std::uint64_t more_bytes) {
    const std::uint64_t most = registry.options.user.queued;
    if (most == 0) {
        return;
    }
    if (const std::uint64_t used = usage(registry, user).queued; used + more_bytes > most) {
        fail(Errc::quota_exceeded,
             "connecting failed: {} bytes may be queued for the clients of user {}, {} more would be above its {}; end "
             "a client, or raise fastiod's --user-queued",
             used, user, more_bytes, most);
    }
}

}  // namespace fastio::service
