#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fastio/contents.hpp>

#include "core/limits.hpp"
#include "core/rounding.hpp"
#include "service/accounts.hpp"
#include "service/allocations.hpp"
#include "service/fences.hpp"
#include "service/operators.hpp"
#include "service/publications.hpp"
#include "service/slab_pool.hpp"
#include "service/timers.hpp"
#include "service/watchers.hpp"
#include "table/writer.hpp"

namespace fastio::service {

/// A slab on its way back to its device: it goes when `waiting` is empty (design P5).
struct ClosingSlab {
    table::SlabRef ref{};
    OwnedSlab memory{};
    std::uint32_t device = 0;
    std::set<std::uint64_t> waiting{};  ///< sessions that may have it mapped
};

/// A create that no slab has room for yet.
struct WaitingCreate {
    std::uint64_t session = 0;
    std::uint64_t request = 0;
    std::uint64_t size = 0;
    std::uint64_t alignment = 0;
    std::uint32_t device = 0;
    /// Set while only slabs that others must unmap can make room for it; after this it fails.
    std::optional<std::chrono::steady_clock::time_point> deadline{};
    bool device_is_full = false;  ///< the device refused a slab, and may have room when others are back
    bool waits_itself = false;    ///< its client: for a slab that is being made it waits here all the same
};

/// Whether a create that finds no room looks for what nobody leases any more, which costs a scan of all leases.
enum class Collect : std::uint8_t { where_short, never };

/// One job's namespace: its table, its slabs, its members. Decides and changes; sends and waits for nothing. Errors are
/// thrown before anything was changed.
class Context {
public:
    struct Settings {
        std::uint64_t id = 0;
        std::string job{};
        uid_t uid = 0;
        bool persistent = false;
        std::uint64_t quota = 0;             ///< bytes; 0: none
        std::uint64_t user_quota = 0;        ///< bytes; 0: none
        std::uint64_t user_allocations = 0;  ///< 0: no limit
        std::uint64_t user_names = 0;        ///< 0: no limit
        table::TableIdentity identity{};
        table::TableLimits limits{};
    };
    /// Errors: out_of_memory, io_error.
    /// `touched` gets this context's id when something happened that tidying may have to follow; it outlives this.
    Context(Settings settings, Watchers& watchers, std::vector<std::uint64_t>& touched);

    [[nodiscard]] std::uint64_t id() const noexcept { return settings_.id; }
    [[nodiscard]] const std::string& job() const noexcept { return settings_.job; }
    [[nodiscard]] uid_t uid() const noexcept { return settings_.uid; }
    [[nodiscard]] std::uint64_t quota() const noexcept { return settings_.quota; }
    [[nodiscard]] bool persistent() const noexcept { return settings_.persistent; }
    void make_persistent() noexcept { settings_.persistent = true; }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    [[nodiscard]] std::chrono::steady_clock::time_point since() const noexcept { return since_; }

    /// Empty when no slab has room now. Errors: context_closed, quota_exceeded, table_full, out_of_memory (a segment).
    [[nodiscard]] std::optional<table::AllocationRef> create(Session& session, Account& account, std::uint64_t size,
                                                             std::uint64_t alignment, std::uint32_t device,
                                                             Collect collect);
    /// The version. Errors: those of publish and of what a hostile client may send; quota_exceeded.
    std::uint64_t publish(Session& session, Account& account, const wire::Publish& message);
    void free(Session& session, const wire::Free& message);
    void unpublish(std::string_view name, std::uint64_t only_version = 0);
    /// Removes names whose time to live is over, so many that others need not wait for long. Returns how many.
    std::size_t expire(std::chrono::steady_clock::time_point now);
    void release_hold(Session& session, table::AllocationRef ref);
    void nudge(table::AllocationRef ref);
    /// Names go, no more are taken, waiters wake, the persistent flag is cleared; memory stays with its leases. The
    /// table tells its readers the reason: context_closed, or device_unavailable.
    void end(Errc reason = Errc::context_closed);
    /// Whether something of it is, or is about to be, on the device.
    [[nodiscard]] bool uses(std::uint32_t device) const;

    /// What an allocation of `size` bytes takes of a quota.
    [[nodiscard]] static constexpr std::uint64_t capacity_of(std::uint64_t size) noexcept {
        return round_up(std::max<std::uint64_t>(size, 1), kMinAlignment);
    }
    /// Whether its quotas would ever allow an allocation of so many bytes.
    [[nodiscard]] bool may_ever_hold(std::uint64_t bytes) const noexcept;
    /// A create was refused for want of memory, and may be asked for again.
    void want_room() noexcept { room_wanted_ = true; }
    /// Memory came back: who was refused since the last time may ask again.
    void tell_room() noexcept;

    /// Reclaims what nobody leases any more; true when something went.
    bool collect();
    /// True once after something went: there may be room for those that wait.
    [[nodiscard]] bool take_reclaimed() noexcept { return std::exchange(reclaimed_, false); }
    /// Has tidying try again what waits.
    void pump_later() {
        reclaimed_ = true;
        touch();
    }
    /// Until when no more scans are due, however often clients nudge: a scan reads all leases of all members, and those
    /// of other contexts are not to wait for this one's.
    [[nodiscard]] std::chrono::steady_clock::time_point rests_until() const noexcept { return rests_until_; }
    /// How long after a scan that took so long: nothing after a short one; else nudges cost a ninth of the time at
    /// most.
    [[nodiscard]] static std::chrono::nanoseconds rest_after(std::chrono::nanoseconds scan) noexcept;
    /// Something may have become reclaimable since the last collect.
    [[nodiscard]] bool scan_wanted() const noexcept { return scan_wanted_; }
    /// Has the loop collect, give back and forget at the end of its round, once for all that touched the context.
    void touch();
    /// True once after touch.
    [[nodiscard]] bool take_touched() noexcept { return std::exchange(is_touched_, false); }

    /// Everything of a session that counts goes: its holds, its leases, its place among the members.
    void remove_member(Session& session);

    [[nodiscard]] table::TableWriter& writer() noexcept { return writer_; }
    [[nodiscard]] std::vector<SlabPool>& pools() noexcept { return pools_; }
    [[nodiscard]] const std::vector<SlabPool>& pools() const noexcept { return pools_; }
    [[nodiscard]] Allocations& allocations() noexcept { return allocations_; }
    [[nodiscard]] const Allocations& allocations() const noexcept { return allocations_; }
    [[nodiscard]] const Publications& publications() const noexcept { return publications_; }
    [[nodiscard]] Operators& operators() noexcept { return operators_; }
    [[nodiscard]] Fences& fences() noexcept { return fences_; }
    [[nodiscard]] Contents contents(const Name& name) const noexcept;
    /// pending: of one of its names.
    [[nodiscard]] Contents contents(const Record& record) const noexcept;
    /// See Allocations.
    [[nodiscard]] bool waits_for_entries() const noexcept { return allocations_.waits_for_entries(); }
    [[nodiscard]] Members& members() noexcept { return members_; }
    [[nodiscard]] const Members& members() const noexcept { return members_; }

    // What Growth and SlabReturns keep here.
    std::deque<WaitingCreate> waiting{};
    std::list<ClosingSlab> closing{};
    std::vector<bool> growing{};     ///< by device: a reserve is on its way
    std::uint64_t releasing = 0;     ///< releases on their way
    std::uint64_t moving_bytes = 0;  ///< of slabs that are closing or being released
    // The timers that are armed.
    std::optional<Timers::Handle> linger{};
    std::optional<Timers::Handle> patience{};
    std::optional<Timers::Handle> trim{};
    std::optional<Timers::Handle> fence_limit{};
    std::optional<Timers::Handle> stream_scan{};
    std::optional<Timers::Handle> expiry{};

private:
    [[nodiscard]] Record& get(table::AllocationRef ref, const char* what);
    void check_right(const Session& session, const Record& record, std::uint32_t lease, const char* what) const;
    void check_quotas(const Account& account, std::uint64_t capacity, Collect collect);
    /// True where something went.
    bool collect_for_room(Collect collect);
    void check_names(const Account& account, uid_t user, std::string_view name) const;
    void tell(WatchEvent::Kind kind, std::string_view name, std::uint64_t version);

    Settings settings_;
    Watchers& watchers_;
    std::vector<std::uint64_t>& touched_;
    table::TableWriter writer_;
    std::vector<SlabPool> pools_;  // by device
    Allocations allocations_;
    Publications publications_;
    Fences fences_;
    Members members_;
    Operators operators_;
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
    bool ended_ = false;
    bool scan_wanted_ = false;
    bool reclaimed_ = false;
    bool room_wanted_ = false;
    std::chrono::steady_clock::time_point rests_until_{};
    bool is_touched_ = false;  ///< stands in touched_
};

}  // namespace fastio::service
