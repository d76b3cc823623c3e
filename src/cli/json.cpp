#include "cli/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace fastio::cli {
namespace {

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

Json seconds_or_null(std::chrono::nanoseconds duration) {
    return duration == forever ? Json(nullptr) : Json(seconds(duration));
}

}  // namespace

Json json_of(const ServiceTotals& totals) {
    return {{"sessions", totals.sessions},         {"contexts", totals.contexts},
            {"allocations", totals.allocations},   {"leases", totals.leases},
            {"publications", totals.publications}, {"bytes_reserved", totals.bytes_reserved},
            {"bytes_in_use", totals.bytes_in_use}, {"bytes_quarantined", totals.bytes_quarantined}};
}

Json json_of(const ContextInfo& context) {
    return {{"job", context.job},
            {"uid", context.uid},
            {"persistent", context.persistent},
            {"members", context.members},
            {"allocations", context.allocations},
            {"leases", context.leases},
            {"publications", context.publications},
            {"bytes_reserved", context.bytes_reserved},
            {"bytes_in_use", context.bytes_in_use},
            {"bytes_quarantined", context.bytes_quarantined},
            {"quota", context.quota},
            {"age_seconds", seconds(context.age)}};
}

Json json_of(const SessionInfo& session) {
    return {{"id", session.id},
            {"job", session.job},
            {"name", session.name},
            {"pid", session.pid},
            {"uid", session.uid},
            {"state", session.state},
            {"reason", session.reason},
            {"lifeline_holders", session.lifeline_holders},
            {"leases", session.leases},
            {"holds", session.holds},
            {"bytes_held", session.bytes_held},
            {"age_seconds", seconds(session.age)}};
}

Json json_of(const AllocationInfo& allocation, const std::vector<SessionInfo>& sessions) {
    Json holders = Json::array();
    for (const std::uint64_t id : allocation.holders) {
        Json holder{{"session", id}};
        const auto session = std::find_if(sessions.begin(), sessions.end(), [&](const auto& s) { return s.id == id; });
        // A session that joined after the sessions were listed has no name here.
        if (session != sessions.end()) {
            holder["name"] = session->name;
            holder["pid"] = session->pid;
        }
        holders.push_back(std::move(holder));
    }
    return {{"slot", allocation.slot},
            {"generation", allocation.generation},
            {"size", allocation.size},
            {"device", allocation.device},
            {"state", allocation.state},
            {"names", allocation.names},
            {"name_count", allocation.name_count},
            {"holders", std::move(holders)},
            {"holder_count", allocation.holder_count},
            {"contents", to_string(allocation.contents)}};
}

Json json_of(const PublicationInfo& publication, const std::string& job) {
    return {{"job", job},
            {"name", publication.name},
            {"version", publication.version},
            {"type", to_string(publication.type)},
            {"dimensions", publication.dimensions},
            {"size", publication.size},
            {"device", publication.device},
            {"publisher", publication.publisher},
            {"age_seconds", seconds(publication.age)},
            {"time_to_live_seconds", seconds_or_null(publication.time_to_live)},
            {"contents", to_string(publication.contents)},
            {"attributes", publication.attributes}};
}

Json json_of(const Allocation& allocation, const std::string& job) {
    return {{"job", job},
            {"name", allocation.name()},
            {"version", allocation.version()},
            {"type", to_string(allocation.type())},
            {"dimensions", allocation.dimensions()},
            {"size", allocation.size()},
            {"device", allocation.device()},
            {"attributes", allocation.attributes()}};
}

Json json_of(const WatchEvent& event) {
    return {{"event", to_string(event.kind)}, {"job", event.job}, {"name", event.name}, {"version", event.version}};
}

Json json_of(const Entry& entry) {
    Json out{{"name", entry.name}};
    if (entry.on_disk()) {
        out["path"] = entry.path;
    }
    if (!entry.type.empty()) {
        out["type"] = entry.type;
    }
    if (entry.element_type) {
        out["element-type"] = to_string(*entry.element_type);
    }
    if (entry.shape) {
        out["shape"] = *entry.shape;
    }
    return out;
}

std::string dump(const Json& json, int indent) {
    const std::string text = json.dump(indent, ' ', false, Json::error_handler_t::replace);
    // What else a terminal obeys, as JSON writes control characters: DEL, and C1 (U+0080 to U+009F), in UTF-8 two
    // bytes.
    std::string safe;
    safe.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
        if (byte == 0x7f) {
            safe += "\\u007f";
        } else if (byte == 0xc2 && next >= 0x80 && next <= 0x9f) {
            safe += fmt::format("\\u{:04x}", next);
            ++i;
        } else {
            safe += text[i];
        }
    }
    return safe;
}

}  // namespace fastio::cli
