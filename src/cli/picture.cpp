#include "cli/picture.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/text.hpp"

namespace fastio::cli {
namespace {

using Align = TextTable::Align;

std::string table_of_contexts(const std::vector<ContextInfo>& contexts) {
    TextTable table({{"job"},
                     {"members", Align::right},
                     {"allocations", Align::right},
                     {"leases", Align::right},
                     {"names", Align::right},
                     {"reserved", Align::right},
                     {"in use", Align::right},
                     {"quarantined", Align::right},
                     {"quota", Align::right},
                     {"age", Align::right},
                     {""}});
    for (const ContextInfo& c : contexts) {
        table.add({c.job, std::to_string(c.members), std::to_string(c.allocations), std::to_string(c.leases),
                   std::to_string(c.publications), text_of_bytes(c.bytes_reserved), text_of_bytes(c.bytes_in_use),
                   text_of_bytes(c.bytes_quarantined), c.quota == 0 ? "none" : text_of_bytes(c.quota),
                   text_of_duration(c.age), c.persistent ? "persistent" : ""});
    }
    return table.str();
}

std::string state_of(const SessionInfo& session) {
    std::string state = session.state;
    if (!session.reason.empty()) {
        state += ": " + session.reason;
    }
    if (!session.lifeline_holders.empty()) {
        state += fmt::format(" (kept by process {})", fmt::join(session.lifeline_holders, ", "));
    }
    return state;
}

std::string table_of_sessions(const std::vector<SessionInfo>& sessions) {
    TextTable table({{"session", Align::right},
                     {"job"},
                     {"operator"},
                     {"pid", Align::right},
                     {"leases", Align::right},
                     {"unpublished", Align::right},
                     {"holds", Align::right},
                     {"age", Align::right},
                     {"state"}});
    for (const SessionInfo& s : sessions) {
        table.add({std::to_string(s.id), s.job, s.name, std::to_string(s.pid), std::to_string(s.leases),
                   std::to_string(s.holds), text_of_bytes(s.bytes_held), text_of_duration(s.age), state_of(s)});
    }
    return table.str();
}

std::string state_of(const AllocationInfo& allocation) {
    return allocation.contents == Contents::complete
               ? allocation.state
               : fmt::format("{}, contents {}", allocation.state, to_string(allocation.contents));
}

/// Those that are known of `count`.
std::string text_of_first(const std::vector<std::string>& known, std::uint64_t count) {
    const std::string text = fmt::format("{}", fmt::join(known, ", "));
    return count > known.size() ? fmt::format("{} and {} more", text, count - known.size()) : text;
}

std::string table_of_allocations(const std::vector<AllocationInfo>& allocations,
                                 const std::vector<SessionInfo>& sessions) {
    TextTable table(
        {{"allocation", Align::right}, {"size", Align::right}, {"device"}, {"state"}, {"names"}, {"held by"}});
    for (const AllocationInfo& a : allocations) {
        std::vector<std::string> holders;
        for (const std::uint64_t id : a.holders) {
            const auto found =
                std::find_if(sessions.begin(), sessions.end(), [&](const auto& s) { return s.id == id; });
            holders.push_back(found == sessions.end() ? fmt::format("session {}", id)
                                                      : fmt::format("{}[{}]", found->name, found->pid));
        }
        table.add({fmt::format("{}.{}", a.slot, a.generation), text_of_bytes(a.size), a.device, state_of(a),
                   text_of_first(a.names, a.name_count), text_of_first(holders, a.holder_count)});
    }
    return table.str();
}

}  // namespace

Picture look(Service& service, const std::string& job) {
    Picture picture{service.totals(), service.contexts(), {}, {}};
    if (!job.empty()) {
        // Before the sessions, so that their holders are among those.
        picture.allocations = service.allocations(job);
    }
    picture.sessions = service.sessions();
    if (!job.empty()) {
        std::erase_if(picture.contexts, [&](const ContextInfo& context) { return context.job != job; });
        std::erase_if(picture.sessions, [&](const SessionInfo& session) { return session.job != job; });
    }
    return picture;
}

Json json_of(const Picture& picture, bool with_allocations) {
    Json json{{"totals", json_of(picture.totals)}, {"contexts", Json::array()}, {"sessions", Json::array()}};
    for (const ContextInfo& context : picture.contexts) {
        json["contexts"].push_back(json_of(context));
    }
    for (const SessionInfo& session : picture.sessions) {
        json["sessions"].push_back(json_of(session));
    }
    if (with_allocations) {
        json["allocations"] = Json::array();
        for (const AllocationInfo& allocation : picture.allocations) {
            json["allocations"].push_back(json_of(allocation, picture.sessions));
        }
    }
    return json;
}

std::string text_of(const Picture& picture, const Service& service, bool with_allocations) {
    const ServiceTotals& totals = picture.totals;
    std::string text = fmt::format(
        "service {} with process id {} at {}\n"
        "{} sessions, {} contexts, {} allocations, {} leases, {} names\n"
        "{} in use and {} quarantined in {} reserved, of {} at most\n",
        service.version(), service.pid(), service.socket(), totals.sessions, totals.contexts, totals.allocations,
        totals.leases, totals.publications, text_of_bytes(totals.bytes_in_use), text_of_bytes(totals.bytes_quarantined),
        text_of_bytes(totals.bytes_reserved), text_of_bytes(totals.pool_max));
    text += fmt::format("\n{}\n{}", table_of_contexts(picture.contexts), table_of_sessions(picture.sessions));
    if (with_allocations) {
        text += fmt::format("\n{}", table_of_allocations(picture.allocations, picture.sessions));
    }
    return text;
}

}  // namespace fastio::cli
