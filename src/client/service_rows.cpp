#include "client/service_rows.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "core/life_cycle.hpp"
#include "core/limits.hpp"
#include "wire/socket.hpp"

namespace fastio::detail {
namespace {

template <std::size_t Capacity>
std::string to_string(const wire::Text<Capacity>& text) {
    return std::string(wire::get_text(text).value_or(""));
}

std::chrono::nanoseconds to_age(std::uint64_t ns) {
    return std::chrono::nanoseconds(std::min(ns, static_cast<std::uint64_t>(INT64_MAX)));
}

const char* state_name(std::uint32_t state) noexcept {
    switch (static_cast<AllocationState>(state)) {
        case AllocationState::created:
            return "private";
        case AllocationState::live:
            return "published";
        case AllocationState::retired:
            return "retired";
        case AllocationState::vacant:
            break;
    }
    return "unknown";
}

}  // namespace

std::chrono::nanoseconds to_time_to_live(std::uint64_t ns) noexcept {
    return ns == 0 || ns > INT64_MAX ? forever : std::chrono::nanoseconds(ns);
}

ServiceTotals to_totals(const wire::TotalsReply& reply) {
    ServiceTotals totals;
    totals.sessions = reply.sessions;
    totals.contexts = reply.contexts;
    totals.allocations = reply.allocations;
    totals.leases = reply.leases;
    totals.publications = reply.publications;
    totals.bytes_reserved = reply.bytes_reserved;
    totals.bytes_in_use = reply.bytes_in_use;
    totals.bytes_quarantined = reply.bytes_quarantined;
    totals.pool_max = reply.pool_max;
    totals.requests = reply.requests;
    totals.sessions_cut = reply.sessions_cut;
    return totals;
}

ContextInfo to_info(const wire::ContextRow& row) {
    ContextInfo info;
    info.job = to_string(row.job);
    info.uid = row.uid;
    info.persistent = row.persistent != 0;
    info.members = row.members;
    info.allocations = row.allocations;
    info.leases = row.leases;
    info.publications = row.publications;
    info.bytes_reserved = row.bytes_reserved;
    info.bytes_in_use = row.bytes_in_use;
    info.bytes_quarantined = row.bytes_quarantined;
    info.quota = row.quota;
    info.age = to_age(row.age_ns);
    return info;
}

SessionInfo to_info(const wire::SessionRow& row) {
    SessionInfo info;
    info.id = row.id;
    info.job = to_string(row.job);
    info.name = to_string(row.name);
    info.pid = row.pid;
    info.uid = row.uid;
    info.state = row.quarantined != 0 ? "quarantined" : "connected";
    info.reason = to_string(row.reason);
    info.leases = row.leases;
    info.holds = row.holds;
    info.bytes_held = row.bytes_held;
    info.age = to_age(row.age_ns);
    return info;
}

AllocationInfo to_info(const wire::AllocationRow& row) {
    AllocationInfo info;
    info.slot = row.slot;
    info.generation = row.generation;
    info.size = row.size;
    info.device = to_string(row.device);
    info.state = state_name(row.state);
    for (std::uint32_t i = 0; i < std::min<std::size_t>(row.name_count, std::size(row.names)); ++i) {
        info.names.push_back(to_string(row.names[i]));
    }
    info.name_count = row.name_count;
    info.holder_count = row.holder_count;
    const auto holders = std::min<std::size_t>(row.holder_count, std::size(row.holders));
    info.holders.assign(row.holders, row.holders + holders);
    info.contents = static_cast<Contents>(row.contents);
    return info;
}

OperatorInfo to_info(const wire::OperatorRow& row) {
    return {to_string(row.name), row.sessions, row.bytes_published, row.bytes_copied};
}

PublicationInfo to_info(const wire::PublicationRow& row) {
    PublicationInfo info;
    info.name = to_string(row.name);
    info.version = row.version;
    info.type = {static_cast<TypeCode>(row.type_code), row.type_bits, row.type_lanes};
    info.dimensions.assign(row.extents, row.extents + std::min<std::size_t>(row.rank, kMaxDimensions));
    info.size = row.size;
    info.device = to_string(row.device);
    info.publisher = to_string(row.publisher);
    info.age = to_age(row.age_ns);
    info.time_to_live = to_time_to_live(row.time_to_live_ns);
    info.contents = static_cast<Contents>(row.contents);
    return info;
}

}  // namespace fastio::detail
