#include "client/listing.hpp"

#include <algorithm>

#include "client/service_rows.hpp"
#include "core/attributes.hpp"
#include "core/fail.hpp"
#include "table/boot_time.hpp"

namespace fastio::detail {
namespace {

Contents contents_of(Client& client, const table::PublicationCopy& copy, std::string_view name) {
    bool is_complete = true;
    if (copy.fence_value != 0) {
        const table::FenceRef fence = fence_of(copy, name, "list");
        StreamWords& words = client.stream_words();
        words.map();
        is_complete = words.is_complete(fence);
        if (is_complete && words.may_be_orphans() && client.service_is_dead()) {
            fail(Errc::service_lost,
                 "list of '{}': the service died, and nobody can tell any more whether the contents were completed",
                 name);
        }
    }
    // After the fence: who completes one for a dead producer has poisoned the allocation before.
    const StateWord state = client.reader().allocation_state(copy.allocation.slot);
    if (state.poisoned && state.generation == copy.allocation.generation) {
        return Contents::lost;
    }
    return is_complete ? Contents::complete : Contents::pending;
}

PublicationInfo to_info(Client& client, table::PublicationRow&& row, std::uint64_t now_ns) {
    const table::PublicationCopy& copy = row.copy;
    PublicationInfo info;
    info.name = std::move(row.name);
    info.version = copy.version;
    info.type = copy.type;
    info.dimensions.assign(copy.shape.span().begin(), copy.shape.span().end());
    info.size = copy.size;
    // The allocation may be gone by now; its slot's next one is on a device of this context as well.
    info.device = client.devices().name(client.reader().placement(copy.allocation.slot).device);
    info.publisher = fmt::format("{}[{}]", row.publisher, copy.publisher_pid);
    info.age = std::chrono::nanoseconds(now_ns - std::min(now_ns, copy.published_ns));
    info.time_to_live = to_time_to_live(row.time_to_live_ns);
    info.attributes = decode_attributes(copy.attributes);
    info.contents = contents_of(client, copy, info.name);
    return info;
}

}  // namespace

std::string describe_names(Client& client, std::string_view job) {
    const std::uint64_t count = table::load_word(&client.reader().header().publications);
    return count == 0 ? "the job has no names"
                      : fmt::format("the job has {} {}: list() shows them, and `fastio ls --job {}`", count,
                                    count == 1 ? "name" : "names", job);
}

std::vector<PublicationInfo> list(Client& client, std::string_view prefix) {
    client.check_open("list");
    std::vector<PublicationInfo> infos;
    const std::uint64_t now_ns = table::boot_time_ns();
    for (table::PublicationRow& row : client.reader().list(prefix)) {
        infos.push_back(to_info(client, std::move(row), now_ns));
    }
    std::ranges::sort(infos, {}, &PublicationInfo::name);
    return infos;
}

ContextStats stats(Client& client) {
    client.check_open("stats");
    wire::ContextStatsRequest request;
    const auto reply = client.connection().call<wire::ContextStatsReply>(request, "stats");
    const Counters& counters = client.counters();
    ContextStats stats;
    stats.allocations = reply.allocations;
    stats.publications = reply.publications;
    stats.leases = reply.leases;
    stats.members = reply.members;
    stats.bytes_reserved = reply.bytes_reserved;
    stats.bytes_in_use = reply.bytes_in_use;
    stats.bytes_quarantined = reply.bytes_quarantined;
    stats.largest_free_block = reply.largest_free_block;
    stats.quota = reply.quota;
    stats.own_leases = client.leases().in_use();
    stats.gets = client.gets();
    stats.retries = counters.retries.load(std::memory_order_relaxed);
    stats.waits = counters.waits.load(std::memory_order_relaxed);
    stats.slabs_mapped = client.slabs().mapped();
    stats.bytes_published = counters.bytes_published.load(std::memory_order_relaxed);
    stats.bytes_copied = counters.bytes_copied.load(std::memory_order_relaxed);
    stats.stream_ordering = client.stream_words().ordering();
    stats.synchronised_publishes = client.stream_words().synchronised();
    return stats;
}

}  // namespace fastio::detail
