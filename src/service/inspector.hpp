#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "service/metrics_text.hpp"
#include "service/registry.hpp"

namespace fastio::service {

/// What the service shows of itself: sums, and rows that a client asks for one by one. A client that is neither root
/// nor the service's user sees only its own contexts and sessions.
class Inspector {
public:
    explicit Inspector(Registry& registry) : registry_(registry) {}

    void answer(Session& asker, const wire::TotalsRequest& message);
    void answer(Session& asker, const wire::ListContexts& message);
    void answer(Session& asker, const wire::ListSessions& message);
    void answer(Session& asker, const wire::ListAllocations& message);
    void answer(Session& asker, const wire::ListPublications& message);
    void answer(Session& asker, const wire::ListOperators& message);

    [[nodiscard]] wire::ContextStatsReply stats(Context& context);
    /// Sums over everybody's.
    [[nodiscard]] wire::TotalsReply totals();
    [[nodiscard]] std::vector<DeviceFigures> devices() const;
    /// How long the publication whose contents are awaited for longest has been awaited; 0 where none is.
    [[nodiscard]] std::chrono::nanoseconds oldest_pending();
    /// The open context of a job that the asker may see and change. Errors: not_found, permission_denied.
    [[nodiscard]] Context& job(const Session& asker, std::string_view name);

private:
    struct Usage {
        std::uint64_t leases = 0;
        std::uint64_t bytes_reserved = 0;
        std::uint64_t bytes_quarantined = 0;
    };
    [[nodiscard]] Usage usage(Context& context);
    /// Sums over the sessions and contexts that `counts` takes.
    template <class Counts>
    [[nodiscard]] wire::TotalsReply sum(const Counts& counts);
    [[nodiscard]] bool sees(const Session& asker, const Context& context) const noexcept;
    [[nodiscard]] bool sees(const Session& asker, const Session& session) const noexcept;
    void take_leases(const Session& asker, Context& context);

    /// Who leases what in one context, for the client that is going through its allocations: {slot, session}, sorted.
    /// Taken with its first row, so that a listing costs one scan and not one a row.
    struct LeaseView {
        std::uint64_t asker = 0;
        std::uint64_t context = 0;
        std::vector<std::pair<std::uint32_t, std::uint64_t>> leases{};
    };

    Registry& registry_;
    LeaseView view_{};
};

}  // namespace fastio::service
