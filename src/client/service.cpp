#include <fastio/service.hpp>

#include <set>
#include <utility>

#include "client/inspector.hpp"
#include "client/lifeline_holders.hpp"
#include "client/service_rows.hpp"
#include "client/watch_events.hpp"
#include "core/fail.hpp"
#include "core/limits.hpp"
#include "core/names.hpp"
#include "table/layout.hpp"

namespace fastio {
namespace {

detail::Connection& usable(const std::shared_ptr<detail::Inspector>& inspector, std::string_view call) {
    if (!inspector) {
        fail(Errc::context_closed, "{} was called on a Service that was moved from", call);
    }
    inspector->connection().liveness().check(call);
    return inspector->connection();
}

/// Rows that a list can have. Contexts and sessions have no limit of their own: more than descriptors can be.
constexpr std::uint64_t kMostSessions = 1U << 20;
constexpr std::uint64_t kMostOperators = 4096;  // a service counts 1,024

// Asks row by row until the service says that there are no more. `next` prepares the request for the row after one, and
// says whether that is a later one: a service whose rows go in circles, or on and on, would have this never end, and
// keep them all.
template <class Row, class Request, class Next, class Visit>
void for_each_row(detail::Connection& connection, Request request, std::string_view call, std::uint64_t most,
                  Next&& next, Visit&& visit) {
    for (std::uint64_t rows = 0;; ++rows) {
        const Row row = connection.call<Row>(request, call);
        if (row.row.valid == 0) {
            return;
        }
        if (rows == most) {
            fail(Errc::protocol_error, "{}: the service at '{}' gives more than {} rows", call, connection.path(),
                 most);
        }
        visit(row);
        if (!next(request, row)) {
            fail(Errc::protocol_error, "{}: the service at '{}' gives rows that are not in order", call,
                 connection.path());
        }
    }
}

constexpr auto by_cursor = [](auto& request, const auto& row) {
    return std::exchange(request.cursor, row.row.next) < row.row.next;
};

constexpr auto by_name = [](wire::ListPublications& request, const wire::PublicationRow& row) {
    const bool is_later = wire::get_text(request.after) < wire::get_text(row.name);
    request.after = row.name;
    return is_later;
};

const std::string& nothing() noexcept {
    static const std::string empty;
    return empty;
}

}  // namespace

Service::Service(const std::string& socket, std::chrono::nanoseconds connect_timeout)
    : inspector_(detail::Inspector::connect(socket, connect_timeout)) {}
Service::Service(Service&&) noexcept = default;
Service& Service::operator=(Service&&) noexcept = default;
Service::~Service() = default;

ServiceTotals Service::totals() {
    wire::TotalsRequest request;
    return detail::to_totals(usable(inspector_, "totals").call<wire::TotalsReply>(request, "totals"));
}

std::vector<ContextInfo> Service::contexts() {
    std::vector<ContextInfo> infos;
    for_each_row<wire::ContextRow>(usable(inspector_, "contexts"), wire::ListContexts{}, "contexts", kMostSessions,
                                   by_cursor,
                                   [&](const wire::ContextRow& row) { infos.push_back(detail::to_info(row)); });
    return infos;
}

std::vector<SessionInfo> Service::sessions() {
    std::vector<SessionInfo> infos;
    std::vector<std::uint64_t> lifelines;  // parallel to infos; 0: not in quarantine
    for_each_row<wire::SessionRow>(usable(inspector_, "sessions"), wire::ListSessions{}, "sessions", kMostSessions,
                                   by_cursor, [&](const wire::SessionRow& row) {
                                       infos.push_back(detail::to_info(row));
                                       lifelines.push_back(row.quarantined != 0 ? row.lifeline_inode : 0);
                                   });
    std::set<std::uint64_t> wanted(lifelines.begin(), lifelines.end());
    wanted.erase(0);
    const auto holders = detail::lifeline_holders(wanted);
    for (std::size_t i = 0; i < infos.size(); ++i) {
        const auto found = holders.find(lifelines[i]);
        if (found != holders.end()) {
            infos[i].lifeline_holders = found->second;
        }
    }
    return infos;
}

std::vector<OperatorInfo> Service::operators(std::string_view job) {
    detail::Connection& connection = usable(inspector_, "operators");
    check_name(job, "job");
    wire::ListOperators request;
    wire::set_text(request.job, job);
    std::vector<OperatorInfo> infos;
    for_each_row<wire::OperatorRow>(connection, request, "operators", kMostOperators, by_cursor,
                                    [&](const wire::OperatorRow& row) { infos.push_back(detail::to_info(row)); });
    return infos;
}

std::vector<AllocationInfo> Service::allocations(std::string_view job) {
    detail::Connection& connection = usable(inspector_, "allocations");
    check_name(job, "job");
    wire::ListAllocations request;
    wire::set_text(request.job, job);
    std::vector<AllocationInfo> infos;
    for_each_row<wire::AllocationRow>(connection, request, "allocations", kMostAllocations, by_cursor,
                                      [&](const wire::AllocationRow& row) { infos.push_back(detail::to_info(row)); });
    return infos;
}

std::vector<PublicationInfo> Service::publications(std::string_view job, std::string_view prefix) {
    detail::Connection& connection = usable(inspector_, "publications");
    check_name(job, "job");
    wire::ListPublications request;
    wire::set_text(request.job, job);
    wire::set_text(request.prefix, prefix.substr(0, kMaxNameBytes));
    std::vector<PublicationInfo> infos;
    for_each_row<wire::PublicationRow>(connection, request, "publications", table::kMaxPublications, by_name,
                                       [&](const wire::PublicationRow& row) {
                                           if (wire::get_text(row.name).value_or("").starts_with(prefix)) {
                                               infos.push_back(detail::to_info(row));
                                           }
                                       });
    return infos;
}

void Service::unpublish(std::string_view job, std::string_view name) {
    detail::Connection& connection = usable(inspector_, "unpublish");
    check_name(job, "job");
    check_name(name);
    wire::AdminUnpublish request;
    wire::set_text(request.job, job);
    wire::set_text(request.name, name);
    static_cast<void>(connection.call<wire::Ok>(request, "unpublish"));
}

Watch Service::watch() {
    detail::Connection& connection = usable(inspector_, "watch");
    return detail::subscribe(connection, inspector_->watches(), inspector_, detail::WatchScope::all_contexts, {});
}

void Service::end(std::string_view job) {
    detail::Connection& connection = usable(inspector_, "end");
    check_name(job, "job");
    wire::EndContext request;
    wire::set_text(request.job, job);
    static_cast<void>(connection.call<wire::Ok>(request, "end"));
}

const std::string& Service::socket() const noexcept {
    return inspector_ ? inspector_->connection().path() : nothing();
}

const std::string& Service::version() const noexcept {
    return inspector_ ? inspector_->version() : nothing();
}

std::int64_t Service::pid() const noexcept {
    return inspector_ ? inspector_->connection().service().pid : 0;
}

std::uint64_t Service::pid_namespace() const noexcept {
    return inspector_ ? inspector_->connection().service().pid_namespace : 0;
}

}  // namespace fastio
