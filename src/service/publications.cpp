#include "service/publications.hpp"

#include "core/fail.hpp"

namespace fastio::service {
namespace {

using Clock = std::chrono::steady_clock;

/// A place among the expiries, not yet in order; none for a name that stays.
Expiries::node_type make_expiry(std::uint64_t time_to_live_ns) {
    if (time_to_live_ns == 0) {
        return {};
    }
    Expiries one;
    one.emplace(Clock::time_point{}, nullptr);
    return one.extract(one.begin());
}

}  // namespace

Publications::Outcome Publications::publish(Record& record, Account& account, const table::PublicationEntry& entry,
                                            bool replace) {
    const auto [at, inserted] = names_.try_emplace(std::string(entry.name));
    // A poisoned name is as good as free: its contents will never come (design P7).
    replace = replace || (!inserted && writer_.poisoned(at->second.allocation));
    if (!inserted && !replace) {
        fail(Errc::already_exists,
             "publish of '{}' failed: the name is taken, by version {} in allocation {}; unpublish it, or ask for "
             "replace",
             entry.name, at->second.version, at->second.allocation.slot);
    }
    Name& name = at->second;
    table::TableWriter::Published published;
    std::string publisher;
    Expiries::node_type expiry;
    try {
        publisher = entry.publisher;
        expiry = make_expiry(entry.time_to_live_ns);
        record.names.reserve(record.names.size() + 1 > record.names.capacity() ? 2 * record.names.size() + 1 : 0);
        const AllocationState before = writer_.state(record.ref).value_or(AllocationState::vacant);
        make_live(record, before, entry, replace, published);
    } catch (...) {
        if (inserted) {
            names_.erase(at);
        }
        throw;
    }
    // From here on nothing fails.
    Record* const loser = inserted ? nullptr : allocations_.find(name.allocation);
    if (!inserted) {
        detach(name);
    }
    name.text = &at->first;
    name.account = &account;
    name.allocation = record.ref;
    name.fence = {entry.fence_word, entry.fence_value};
    name.version = published.version;
    name.type = entry.type;
    name.shape = entry.shape;
    name.size = entry.size;
    name.publisher = std::move(publisher);
    name.publisher_pid = entry.publisher_pid;
    name.published = Clock::now();
    name.time_to_live = std::chrono::nanoseconds(entry.time_to_live_ns);
    attach(record, name, std::move(expiry));
    record.given_up.clear();  // its old holders may take it again in the same entries
    allocations_.drop_hold(record);
    if (loser != nullptr) {
        allocations_.settle(*loser);
    }
    return {published.version, !inserted};
}

void Publications::make_live(Record& record, AllocationState before, const table::PublicationEntry& entry, bool replace,
                             table::TableWriter::Published& published) {
    // The state first: whoever finds the name must find the allocation live.
    if (!writer_.apply(record.ref, AllocationEvent::publish)) {
        fail(Errc::released, "publish of '{}' failed: allocation {} of generation {} is gone", entry.name,
             record.ref.slot, record.ref.generation);
    }
    try {
        published = writer_.publish(entry, replace);
    } catch (...) {
        // There is no way back to `created` in the table. `retired` says the same to everybody (no name leads to it),
        // and the hold, which is private, still keeps the memory.
        if (before != AllocationState::live) {
            writer_.apply(record.ref, AllocationEvent::last_name);
        }
        throw;
    }
}

bool Publications::charges(const Account& account, std::string_view name) const {
    const auto at = names_.find(name);
    return at != names_.end() && at->second.account == &account;
}

std::optional<Clock::time_point> Publications::next_expiry() const {
    return expiries_.empty() ? std::nullopt : std::optional(expiries_.begin()->first);
}

void Publications::remove(Names::iterator name) {
    writer_.unpublish(name->first);
    Record* const record = allocations_.find(name->second.allocation);
    detach(name->second);
    names_.erase(name);
    if (record != nullptr) {
        allocations_.settle(*record);
    }
}

void Publications::remove_all() noexcept {
    while (!names_.empty()) {
        remove(names_.begin());
    }
}

void Publications::attach(Record& record, Name& name, Expiries::node_type&& expiry) {
    name.position = static_cast<std::uint32_t>(record.names.size());
    record.names.push_back(&name);
    ++name.account->names;
    if (expiry) {
        expiry.key() = name.published + name.time_to_live;
        expiry.mapped() = &name;
        name.expiry = expiries_.insert(std::move(expiry));
    }
}

void Publications::detach(Name& name) noexcept {
    --name.account->names;
    if (name.expiry) {
        expiries_.erase(*name.expiry);
        name.expiry.reset();
    }
    Record* const record = allocations_.find(name.allocation);
    if (record == nullptr) {
        return;
    }
    record->names[name.position] = record->names.back();
    record->names[name.position]->position = name.position;
    record->names.pop_back();
}

}  // namespace fastio::service
