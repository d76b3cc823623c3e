#include "service/metrics_text.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <utility>

#include <fastio/version.hpp>

namespace fastio::service {
namespace {

template <class Of>
struct Metric {
    std::string_view name;
    std::string_view type;
    std::string_view help;
    std::uint64_t Of::*value;
};

using Totals = wire::TotalsReply;
constexpr std::array<Metric<Totals>, 12> kOfService{{
    {"sessions", "gauge", "Clients that joined a context, quarantined ones included.", &Totals::sessions},
    {"contexts", "gauge", "Jobs that names can be published in.", &Totals::contexts},
    {"allocations", "gauge", "Allocations, quarantined ones included.", &Totals::allocations},
    {"leases", "gauge", "Claims of clients that keep allocations alive.", &Totals::leases},
    {"publications", "gauge", "Published names.", &Totals::publications},
    {"reserved_bytes", "gauge", "Memory in the slabs of contexts.", &Totals::bytes_reserved},
    {"in_use_bytes", "gauge", "Memory in allocations.", &Totals::bytes_in_use},
    {"quarantined_bytes", "gauge", "Memory that only sessions that ended without a bye still keep.",
     &Totals::bytes_quarantined},
    {"pool_max_bytes", "gauge", "Memory that slabs may reach on all devices.", &Totals::pool_max},
    {"requests_total", "counter", "Messages of clients that were served.", &Totals::requests},
    {"sessions_cut_total", "counter", "Sessions that the service ended because of what the client did.",
     &Totals::sessions_cut},
    {"rests_total", "counter", "Rests given to clients that asked for much while others asked for little.",
     &Totals::rests},
}};
constexpr std::array<Metric<Usage>, 4> kOfUsers{{
    {"connections", "gauge", "Connections, silent and quarantined ones included.", &Usage::connections},
    {"granted_leases", "gauge", "Leases that clients may take without asking again.", &Usage::leases},
    {"waiting_requests", "gauge", "Requests that wait for memory.", &Usage::requests},
    {"queue_bytes", "gauge", "Room for what is queued for clients.", &Usage::queued},
}};
/// Those of one name follow each other.
struct CauseMetric {
    std::string_view name;
    std::string_view help;
    std::string_view cause;
    std::uint64_t Troubles::*value;
};
constexpr std::string_view kRefused = "Requests that were refused for want of room, by the error.";
constexpr std::string_view kLost = "Publications whose contents were lost, by the cause.";
constexpr std::array<CauseMetric, 6> kByCause{{
    {"refused_requests_total", kRefused, "out_of_memory", &Troubles::out_of_memory},
    {"refused_requests_total", kRefused, "quota_exceeded", &Troubles::quota_exceeded},
    {"refused_requests_total", kRefused, "table_full", &Troubles::table_full},
    {"refused_requests_total", kRefused, "lease_limit", &Troubles::lease_limit},
    {"lost_publications_total", kLost, "fence_limit", &Troubles::fence_limit},
    {"lost_publications_total", kLost, "producer_ended", &Troubles::producer_ended},
}};
constexpr std::array<Metric<DeviceFigures>, 4> kOfDevice{{
    {"device_pool_max_bytes", "gauge", "Memory that slabs may reach on the device.", &DeviceFigures::bytes_pool_max},
    {"device_reserved_bytes", "gauge", "Memory in slabs on the device, on its way in or out included.",
     &DeviceFigures::bytes_reserved},
    {"device_in_use_bytes", "gauge", "Memory in allocations on the device.", &DeviceFigures::bytes_in_use},
    {"device_held_back_bytes", "gauge", "Freed memory that --debug-memory keeps from reuse on the device.",
     &DeviceFigures::bytes_held_back},
}};

void describe(std::string& text, std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text), "# HELP fastio_{0} {2}\n# TYPE fastio_{0} {1}\n", name, type, help);
}

}  // namespace

std::string metrics_text(const wire::TotalsReply& totals, const Usage& usage, const Troubles& troubles,
                         std::chrono::nanoseconds oldest_pending, std::span<const DeviceFigures> devices) {
    std::string text;
    describe(text, "build_info", "gauge", "Always 1; the label has the version.");
    text += "fastio_build_info{version=\"" FASTIO_VERSION_STRING "\"} 1\n";
    for (const auto& [name, type, help, value] : kOfService) {
        describe(text, name, type, help);
        fmt::format_to(std::back_inserter(text), "fastio_{} {}\n", name, totals.*value);
    }
    for (const auto& [name, type, help, value] : kOfUsers) {
        describe(text, name, type, help);
        fmt::format_to(std::back_inserter(text), "fastio_{} {}\n", name, usage.*value);
    }
    std::string_view described;
    for (const auto& [name, help, cause, value] : kByCause) {
        if (std::exchange(described, name) != name) {
            describe(text, name, "counter", help);
        }
        fmt::format_to(std::back_inserter(text), "fastio_{}{{cause=\"{}\"}} {}\n", name, cause, troubles.*value);
    }
    describe(text, "oldest_pending_seconds", "gauge",
             "Age of the publication whose contents are awaited for longest, 0 where none is.");
    fmt::format_to(std::back_inserter(text), "fastio_oldest_pending_seconds {:.3f}\n",
                   std::chrono::duration<double>(oldest_pending).count());
    for (const auto& [name, type, help, value] : kOfDevice) {
        describe(text, name, type, help);
        for (const DeviceFigures& device : devices) {  // their names, "host" or "cuda:0", need no escapes
            fmt::format_to(std::back_inserter(text), "fastio_{}{{device=\"{}\"}} {}\n", name, device.name,
                           device.*value);
        }
    }
    return text;
}

}  // namespace fastio::service
