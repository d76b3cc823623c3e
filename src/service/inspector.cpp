#include "service/inspector.hpp"

#include <algorithm>
#include <set>

#include "core/fail.hpp"
#include "service/malformed.hpp"
#include "service/teardown.hpp"

namespace fastio::service {
namespace {

std::uint64_t age_of(std::chrono::steady_clock::time_point since) {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(std::chrono::steady_clock::now() - since).count());
}

}  // namespace

bool Inspector::sees(const Session& asker, const Context& context) const noexcept {
    return registry_.sees_everything(asker) || context.uid() == asker.uid;
}

bool Inspector::sees(const Session& asker, const Session& session) const noexcept {
    return registry_.sees_everything(asker) || session.uid == asker.uid || session.context->uid() == asker.uid;
}

Context& Inspector::job(const Session& asker, std::string_view name) {
    Context* const context = registry_.job(name);
    if (context == nullptr) {
        fail(Errc::not_found, "there is no context of the job '{}'", name);
    }
    if (!sees(asker, *context)) {
        fail(Errc::permission_denied, "the context '{}' belongs to user {}, not to {}", name, context->uid(),
             asker.uid);
    }
    return *context;
}

Inspector::Usage Inspector::usage(Context& context) {
    if (context.scan_wanted()) {
        context.collect();
    }
    Usage usage;
    usage.bytes_reserved = context.moving_bytes;
    for (const SlabPool& pool : context.pools()) {
        usage.bytes_reserved += pool.reserved();
    }
    // Quarantined is what has no name, and no member that is connected to keep it.
    Allocations& allocations = context.allocations();
    std::set<std::uint32_t> by_ended;
    std::set<std::uint32_t> by_connected;
    for (const auto& [id, member] : context.members()) {
        auto& kept = member->connected() ? by_connected : by_ended;
        allocations.for_each_lease(*member, [&](const Record& record, bool) {
            ++usage.leases;
            if (record.names.empty()) {
                kept.insert(record.ref.slot);
            }
        });
        kept.insert(member->holds.begin(), member->holds.end());
    }
    for (const std::uint32_t slot : by_ended) {
        usage.bytes_quarantined += by_connected.count(slot) == 0 ? allocations.held_at(slot).placed.block.size : 0;
    }
    return usage;
}

wire::ContextStatsReply Inspector::stats(Context& context) {
    const Usage used = usage(context);
    wire::ContextStatsReply reply{};
    reply.allocations = context.allocations().count();
    reply.publications = context.publications().names().size();
    reply.leases = used.leases;
    reply.members = context.members().size();
    reply.bytes_reserved = used.bytes_reserved;
    reply.bytes_in_use = context.allocations().bytes();
    reply.bytes_quarantined = used.bytes_quarantined;
    for (const SlabPool& pool : context.pools()) {
        reply.largest_free_block = std::max(reply.largest_free_block, pool.largest_free_block());
    }
    reply.quota = context.quota();
    return reply;
}

template <class Counts>
wire::TotalsReply Inspector::sum(const Counts& counts) {
    wire::TotalsReply sums{};
    for (const auto& [id, session] : registry_.sessions) {
        sums.sessions += session->joined() && counts(*session) ? 1 : 0;
    }
    for (const auto& [id, context] : registry_.contexts) {
        if (!counts(*context)) {
            continue;
        }
        const wire::ContextStatsReply of_one = stats(*context);
        sums.contexts += context->ended() ? 0 : 1;
        sums.allocations += of_one.allocations;
        sums.leases += of_one.leases;
        sums.publications += of_one.publications;
        sums.bytes_reserved += of_one.bytes_reserved;
        sums.bytes_in_use += of_one.bytes_in_use;
        sums.bytes_quarantined += of_one.bytes_quarantined;
    }
    sums.pool_max = registry_.devices.pool_max();
    sums.requests = registry_.requests;
    sums.sessions_cut = registry_.sessions_cut;
    sums.rests = registry_.rests_given;
    return sums;
}

wire::TotalsReply Inspector::totals() {
    return sum([](const auto&) { return true; });
}

std::vector<DeviceFigures> Inspector::devices() const {
    std::vector<DeviceFigures> all;
    for (std::uint32_t index = 0; index < registry_.devices.count(); ++index) {
        const Device& device = registry_.devices[index];
        DeviceFigures figures{device.name(), device.pool_max, device.reserved, 0, 0};
        for (const auto& [id, context] : registry_.contexts) {
            const SlabPool& pool = context->pools()[index];
            figures.bytes_in_use += pool.reserved() - pool.free_bytes() - pool.held_back();
            figures.bytes_held_back += pool.held_back();
        }
        all.push_back(std::move(figures));
    }
    return all;
}

std::chrono::nanoseconds Inspector::oldest_pending() {
    const auto now = Fences::Clock::now();
    Fences::Clock::time_point oldest = now;
    for (const auto& [id, context] : registry_.contexts) {
        oldest = std::min(oldest, context->fences().oldest().value_or(now));
    }
    return now - oldest;
}

void Inspector::answer(Session& asker, const wire::TotalsRequest& message) {
    wire::TotalsReply reply = sum([&](const auto& one) { return sees(asker, one); });
    registry_.reply(asker, message.header.request, reply);
}

void Inspector::answer(Session& asker, const wire::ListContexts& message) {
    wire::ContextRow row{};
    for (auto at = registry_.contexts.lower_bound(message.cursor); at != registry_.contexts.end(); ++at) {
        Context& context = *at->second;
        if (context.ended() || !sees(asker, context)) {
            continue;
        }
        const wire::ContextStatsReply of_it = stats(context);
        row.row = {1, 0, context.id() + 1};
        wire::set_text(row.job, context.job());
        row.uid = context.uid();
        row.persistent = context.persistent() ? 1 : 0;
        row.members = of_it.members;
        row.allocations = of_it.allocations;
        row.leases = of_it.leases;
        row.publications = of_it.publications;
        row.bytes_reserved = of_it.bytes_reserved;
        row.bytes_in_use = of_it.bytes_in_use;
        row.bytes_quarantined = of_it.bytes_quarantined;
        row.quota = of_it.quota;
        row.age_ns = age_of(context.since());
        break;
    }
    registry_.reply(asker, message.header.request, row);
}

void Inspector::answer(Session& asker, const wire::ListSessions& message) {
    const std::string_view job = text_of(message.job);
    wire::SessionRow row{};
    for (auto at = registry_.sessions.lower_bound(message.cursor); at != registry_.sessions.end(); ++at) {
        const Session& session = *at->second;
        if (!session.joined() || !sees(asker, session) || (!job.empty() && session.context->job() != job)) {
            continue;
        }
        row.row = {1, 0, session.id + 1};
        row.id = session.id;
        wire::set_text(row.job, session.context->job());
        wire::set_text(row.name, session.name);
        row.pid = session.pid;
        row.uid = session.uid;
        row.quarantined = session.connected() ? 0 : 1;
        if (!session.connected()) {
            wire::set_text(row.reason, Teardown::reason(session));
        }
        row.lifeline_inode = session.lifeline_inode;
        row.holds = session.holds.size();
        std::set<std::uint32_t> held(session.holds.begin(), session.holds.end());
        session.context->allocations().for_each_lease(session, [&](const Record& record, bool) {
            ++row.leases;
            held.insert(record.ref.slot);
        });
        for (const std::uint32_t slot : held) {
            row.bytes_held += session.context->allocations().held_at(slot).placed.block.size;
        }
        row.age_ns = age_of(session.since);
        break;
    }
    registry_.reply(asker, message.header.request, row);
}

void Inspector::take_leases(const Session& asker, Context& context) {
    if (context.scan_wanted()) {
        context.collect();
    }
    view_ = {asker.id, context.id(), {}};
    for (const auto& [id, member] : context.members()) {
        for (const std::uint32_t slot : member->holds) {
            view_.leases.emplace_back(slot, id);
        }
        // The id as a capture of its own: clang 14 captures no structured bindings.
        context.allocations().for_each_lease(*member, [this, session = id](const Record& record, bool) {
            view_.leases.emplace_back(record.ref.slot, session);
        });
    }
    std::sort(view_.leases.begin(), view_.leases.end());
    view_.leases.erase(std::unique(view_.leases.begin(), view_.leases.end()), view_.leases.end());
}

void Inspector::answer(Session& asker, const wire::ListAllocations& message) {
    Context& context = job(asker, text_of(message.job));
    if (message.cursor == 0 || view_.asker != asker.id || view_.context != context.id()) {
        take_leases(asker, context);
    }
    wire::AllocationRow row{};
    const Record* const record = context.allocations().next(message.cursor);
    if (record == nullptr) {
        view_ = {};
    } else {
        row.row = {1, 0, std::uint64_t{record->ref.slot} + 1};
        row.slot = record->ref.slot;
        row.generation = record->ref.generation;
        row.size = record->size;
        wire::set_text(row.device, registry_.devices[record->device].name());
        row.state = static_cast<std::uint32_t>(context.allocations().state(*record));
        auto at = std::lower_bound(view_.leases.begin(), view_.leases.end(), std::pair(row.slot, std::uint64_t{0}));
        for (; at != view_.leases.end() && at->first == row.slot; ++at, ++row.holder_count) {
            if (row.holder_count < wire::AllocationRow::kMaxHolders) {
                row.holders[row.holder_count] = at->second;
            }
        }
        for (const Name* const name : record->names) {
            if (row.name_count < wire::AllocationRow::kMaxNames) {
                wire::set_text(row.names[row.name_count], *name->text);
            }
            ++row.name_count;
        }
        row.contents = static_cast<std::uint32_t>(context.contents(*record));
    }
    registry_.reply(asker, message.header.request, row);
}

void Inspector::answer(Session& asker, const wire::ListOperators& message) {
    const std::vector<Operators::Figures>& all = job(asker, text_of(message.job)).operators().figures();
    wire::OperatorRow row{};
    if (message.cursor < all.size()) {
        const Operators::Figures& one = all[message.cursor];
        row.row = {1, 0, message.cursor + 1};
        wire::set_text(row.name, one.name);
        row.sessions = one.sessions;
        row.bytes_published = one.bytes_published;
        row.bytes_copied = one.bytes_copied;
    }
    registry_.reply(asker, message.header.request, row);
}

void Inspector::answer(Session& asker, const wire::ListPublications& message) {
    Context& context = job(asker, text_of(message.job));
    const Publications::Names& names = context.publications().names();
    const std::string_view prefix = text_of(message.prefix);
    const std::string_view after = text_of(message.after);
    const auto at = after < prefix ? names.lower_bound(prefix) : names.upper_bound(after);
    wire::PublicationRow row{};
    if (at != names.end() && at->first.starts_with(prefix)) {
        const Name& name = at->second;
        row.row = {1, 0, 0};
        wire::set_text(row.name, at->first);
        row.version = name.version;
        row.type_code = static_cast<std::uint8_t>(name.type.code);
        row.type_bits = name.type.bits;
        row.type_lanes = name.type.lanes;
        row.rank = name.shape.rank;
        std::copy(name.shape.extents.begin(), name.shape.extents.end(), row.extents);
        row.size = name.size;
        const Record* const record = context.allocations().find(name.allocation);
        wire::set_text(row.device, registry_.devices[record == nullptr ? 0 : record->device].name());
        wire::set_text(row.publisher, fmt::format("{}[{}]", name.publisher, name.publisher_pid));
        row.age_ns = age_of(name.published);
        row.time_to_live_ns = static_cast<std::uint64_t>(name.time_to_live.count());
        row.contents = static_cast<std::uint32_t>(context.contents(name));
    }
    registry_.reply(asker, message.header.request, row);
}

}  // namespace fastio::service
