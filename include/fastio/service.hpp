#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/context.hpp>
#include <fastio/export.hpp>
#include <fastio/watch.hpp>

namespace fastio {

/// Sums over a service.
struct ServiceTotals {
    std::uint64_t sessions = 0;  ///< clients that joined a context, ended ones in quarantine included
    std::uint64_t contexts = 0;
    std::uint64_t allocations = 0;
    std::uint64_t leases = 0;
    std::uint64_t publications = 0;
    std::uint64_t bytes_reserved = 0;     ///< in slabs
    std::uint64_t bytes_in_use = 0;       ///< in allocations
    std::uint64_t bytes_quarantined = 0;  ///< in allocations that only ended sessions hold
    std::uint64_t pool_max = 0;           ///< bytes that all slabs together may reach
    std::uint64_t requests = 0;           ///< served since the start
    std::uint64_t sessions_cut = 0;       ///< ended by the service: bad messages, slow readers
};

struct ContextInfo {
    std::string job{};
    std::uint32_t uid = 0;  ///< of the user who made it
    bool persistent = false;
    std::uint64_t members = 0;
    std::uint64_t allocations = 0;
    std::uint64_t leases = 0;
    std::uint64_t publications = 0;
    std::uint64_t bytes_reserved = 0;
    std::uint64_t bytes_in_use = 0;
    std::uint64_t bytes_quarantined = 0;
    std::uint64_t quota = 0;  ///< bytes; 0: none
    std::chrono::nanoseconds age{0};
};

struct SessionInfo {
    std::uint64_t id = 0;
    std::string job{};
    std::string name{};  ///< $FASTIO_STAGE, else the program's name
    std::int64_t pid = 0;
    std::uint32_t uid = 0;
    std::string state{};   ///< "connected" or "quarantined"
    std::string reason{};  ///< for "quarantined": why it ended and what its memory still waits for
    std::vector<std::int64_t> lifeline_holders{};  ///< processes that keep a quarantined session's lifeline open, as
                                                   ///< far as this user may see them
    std::uint64_t leases = 0;
    std::uint64_t holds = 0;  ///< created and not yet published
    std::uint64_t bytes_held = 0;
    std::chrono::nanoseconds age{0};
};

/// One allocation and who keeps it alive.
struct AllocationInfo {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::uint64_t size = 0;  ///< bytes as asked for
    std::string device{};
    std::string state{};               ///< "private", "published" or "retired"
    std::vector<std::string> names{};  ///< its publications, the first eight of `name_count`
    std::uint64_t name_count = 0;
    std::vector<std::uint64_t> holders{};  ///< SessionInfo::id of sessions with a lease or a hold, the first 64 of
                                           ///< `holder_count`
    std::uint64_t holder_count = 0;
    Contents contents = Contents::complete;  ///< pending: of one of its names at least
};

/// What all processes of one operator have done in a context, ended ones included. The first 1,024 operators count.
struct OperatorInfo {
    std::string name{};  ///< $FASTIO_STAGE, else the program's name
    std::uint64_t sessions = 0;
    std::uint64_t bytes_published = 0;
    std::uint64_t bytes_copied = 0;  ///< moved between memories to serve its gets
};

namespace detail {
class Inspector;
}

/// A view on a service, as the `fastio` command shows it. Joins no context, so it is not counted.
/// *Threads:* every call may be made from any thread. *When the service dies* every call throws service_lost.
/// A caller who is neither the service's user nor root sees and ends only contexts of its own.
/// *Errors of every call:* service_lost, forked, out_of_memory (the service has none left), io_error.
class FASTIO_EXPORT Service {
public:
    /// Connects; `socket` empty as in ContextOptions. Errors: service_unreachable, permission_denied,
    /// version_mismatch.
    explicit Service(const std::string& socket = {},
                     std::chrono::nanoseconds connect_timeout = std::chrono::seconds(1));
    Service(Service&&) noexcept;
    Service& operator=(Service&&) noexcept;
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    ~Service();

    [[nodiscard]] ServiceTotals totals();
    [[nodiscard]] std::vector<ContextInfo> contexts();
    [[nodiscard]] std::vector<SessionInfo> sessions();

    // Errors of those that take a job: not_found when there is no such job, permission_denied for that of another user.
    // Lists cost one round trip to the service for each row.

    /// In order of their first join.
    [[nodiscard]] std::vector<OperatorInfo> operators(std::string_view job);
    /// In order of their slots.
    [[nodiscard]] std::vector<AllocationInfo> allocations(std::string_view job);
    /// Whose name starts with `prefix`, in order of their names; without the attributes, which Context::list has.
    [[nodiscard]] std::vector<PublicationInfo> publications(std::string_view job, std::string_view prefix = {});
    /// Also: not_found where nothing is published under that name.
    void unpublish(std::string_view job, std::string_view name);

    /// Changes in every context: names, contexts, sessions.
    [[nodiscard]] Watch watch();

    /// Ends a job's context: its names go at once, its memory with the last lease, and its members get context_closed.
    /// Errors: not_found, permission_denied.
    void end(std::string_view job);

    [[nodiscard]] const std::string& socket() const noexcept;
    /// The service's version, e.g. "0.1.0".
    [[nodiscard]] const std::string& version() const noexcept;
    /// As the service sees itself: another process's here, or nobody's, where pid_namespace() is not this process's.
    [[nodiscard]] std::int64_t pid() const noexcept;
    /// The inode of the service's /proc/self/ns/pid.
    [[nodiscard]] std::uint64_t pid_namespace() const noexcept;

private:
    std::shared_ptr<detail::Inspector> inspector_;
};

}  // namespace fastio
