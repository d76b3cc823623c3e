#include "service/context.hpp"

#include <algorithm>

#include "core/attributes.hpp"
#include "core/fail.hpp"
#include "core/names.hpp"
#include "service/malformed.hpp"

namespace fastio::service {
namespace {

std::string_view name_of(const wire::NameText& text, const char* what) {
    const std::string_view name = text_of(text);
    check_name(name, what);
    return name;
}

}  // namespace

Context::Context(Settings settings, Watchers& watchers, std::vector<std::uint64_t>& touched)
    : growing(settings.identity.devices.size(), false),
      settings_(std::move(settings)),
      watchers_(watchers),
      touched_(touched),
      writer_(settings_.identity, settings_.limits),
      pools_(settings_.identity.devices.size()),
      allocations_(writer_, pools_),
      publications_(writer_, allocations_),
      fences_(writer_) {}

std::optional<table::AllocationRef> Context::create(Session& session, Account& account, std::uint64_t size,
                                                    std::uint64_t alignment, std::uint32_t device, Collect collect) {
    if (ended_) {
        fail(Errc::context_closed, "create of {} bytes failed: the context '{}' was ended; join again", size, job());
    }
    const std::uint64_t capacity = capacity_of(size);
    check_quotas(account, capacity, collect);
    std::optional<PlacedBlock> placed = pools_[device].allocate(capacity, alignment);
    if (!placed && collect_for_room(collect)) {
        placed = pools_[device].allocate(capacity, alignment);
    }
    if (!placed) {
        return std::nullopt;
    }
    try {
        if (writer_.allocations() >= settings_.limits.max_allocations) {
            collect_for_room(collect);
        }
        return allocations_.add(session, account, size, device, *placed).ref;
    } catch (...) {
        pools_[device].free(*placed);
        throw;
    }
}

void Context::check_quotas(const Account& account, std::uint64_t capacity, Collect collect) {
    const auto over = [&](std::uint64_t used, std::uint64_t quota) {
        return quota != 0 && (capacity > quota || used > quota - capacity);
    };
    const auto too_many = [&] {
        return settings_.user_allocations != 0 && account.allocations >= settings_.user_allocations;
    };
    if (over(allocations_.bytes(), settings_.quota) || over(account.bytes, settings_.user_quota) || too_many()) {
        collect_for_room(collect);
    }
    const auto refuse_for_ever = [&](std::uint64_t quota, const char* whose, const char* cure) {
        if (quota != 0 && capacity > quota) {
            fail(Errc::quota_exceeded, "create of {} bytes in '{}' failed: {} whole quota is {} bytes; {}", capacity,
                 job(), whose, quota, cure);
        }
    };
    refuse_for_ever(settings_.quota, "the context's",
                    "ask for less, or for a larger quota when the context is made, and look at fastiod's --quota");
    refuse_for_ever(settings_.user_quota, "the user's", "ask for less, or raise fastiod's --user-quota");
    if (over(allocations_.bytes(), settings_.quota)) {
        fail(
            Errc::quota_exceeded,
            "create of {} bytes in '{}' failed: {} of the context's quota of {} bytes are in use; free allocations, or "
            "ask for a larger quota and raise fastiod's --quota",
            capacity, job(), allocations_.bytes(), settings_.quota);
    }
    if (over(account.bytes, settings_.user_quota)) {
        fail(Errc::quota_exceeded,
             "create of {} bytes in '{}' failed: {} of the user's quota of {} bytes are in use; free allocations, or "
             "raise fastiod's --user-quota",
             capacity, job(), account.bytes, settings_.user_quota);
    }
    if (too_many()) {
        fail(Errc::quota_exceeded,
             "create of {} bytes in '{}' failed: the user has {} allocations, and may have {}; free allocations, or "
             "raise fastiod's --user-allocations",
             capacity, job(), account.allocations, settings_.user_allocations);
    }
}

Record& Context::get(table::AllocationRef ref, const char* what) {
    Record* const record = allocations_.find(ref);
    if (record == nullptr) {
        fail(Errc::released, "{} failed: allocation {} of generation {} in '{}' is gone; its last lease was dropped",
             what, ref.slot, ref.generation, job());
    }
    return *record;
}

void Context::check_right(const Session& session, const Record& record, std::uint32_t lease, const char* what) const {
    const bool shown = lease != wire::kNoLease;
    const bool leased = shown && Allocations::leases(session, record, lease);
    if (shown && !leased) {
        fail(Errc::permission_denied, "{} failed: lease entry {} of this client is not on allocation {} of '{}'", what,
             lease, record.ref.slot, job());
    }
    // What was never published is its creator's: nobody else can have got a lease on it in an honest way.
    const bool is_private = record.holder != nullptr;
    if (is_private ? record.holder != &session : !leased) {
        fail(Errc::permission_denied, "{} failed: this client has no {} allocation {} of '{}'; get it first", what,
             is_private ? "right on the unpublished" : "lease on", record.ref.slot, job());
    }
}

void Context::check_names(const Account& account, uid_t user, std::string_view name) const {
    const std::uint64_t most = settings_.user_names;
    if (most != 0 && account.names >= most && !publications_.charges(account, name)) {
        fail(
            Errc::quota_exceeded,
            "publish of '{}' in '{}' failed: user {} has {} names, and may have {}; unpublish some, or raise fastiod's "
            "--user-names",
            name, job(), user, account.names, most);
    }
}

std::uint64_t Context::publish(Session& session, Account& account, const wire::Publish& message) {
    std::vector<std::byte> attributes = std::exchange(session.attributes, {});
    if (message.attribute_bytes == 0) {
        attributes.clear();  // those of a publish that the client could not send
    }
    const std::string_view name = name_of(message.name, "publication name");
    if (ended_) {
        fail(Errc::context_closed, "publish of '{}' failed: the context '{}' was ended; join again", name, job());
    }
    Record& record = get({message.slot, message.generation}, "publish");
    check_right(session, record, message.lease, "publish");
    if (message.rank > kMaxDimensions || (message.flags & ~wire::Publish::kReplace) != 0) {
        fail(Errc::invalid_argument,
             "publish of '{}' failed: {} dimensions and flags {:#x} were sent; at most {} and {:#x}", name,
             message.rank, message.flags, kMaxDimensions, wire::Publish::kReplace);
    }
    if (attributes.size() != message.attribute_bytes) {
        fail(Errc::protocol_error,
             "publish of '{}' failed: it announces {} bytes of attributes, {} were sent before it", name,
             message.attribute_bytes, attributes.size());
    }
    if (!attributes.empty()) {
        (void)decode_attributes(attributes);
    }
    table::PublicationEntry entry;
    entry.name = name;
    entry.allocation = record.ref;
    entry.type = {static_cast<TypeCode>(message.type_code), message.type_bits, message.type_lanes};
    entry.shape = make_shape({message.extents, message.rank});
    entry.size = size_bytes(entry.type, entry.shape);
    entry.attributes = attributes;
    entry.publisher_pid = session.pid;
    entry.publisher = session.name;
    // Half of what the clock counts is 146 years, and does not wrap when now is added.
    entry.time_to_live_ns = std::min<std::uint64_t>(message.time_to_live_ns, INT64_MAX / 2);
    if (entry.size > record.size) {
        fail(
            Errc::invalid_argument,
            "publish of '{}' failed: {} of these dimensions takes {} bytes, the allocation has {}; create a larger one",
            name, to_string(entry.type), entry.size, record.size);
    }
    check_names(account, session.uid, name);
    const table::FenceRef fence{message.fence_word, message.fence_value};
    const bool pending = fences_.is_pending(session.id, fence, name);
    if (pending) {
        entry.fence_word = fence.word;
        entry.fence_value = fence.value;
        fences_.add(session.id, fence, record.ref, name, Fences::Clock::now());  // before anybody can wait for it
    }
    Publications::Outcome outcome;
    try {
        outcome = publications_.publish(record, account, entry, (message.flags & wire::Publish::kReplace) != 0);
    } catch (...) {
        if (pending) {
            fences_.forget(fence.word);  // nothing waits for it, and its end must not poison what has other names
        }
        throw;
    }
    operators_.published(session.operator_number, entry.size);
    if (outcome.replaced) {
        touch();
    }
    tell(outcome.replaced ? WatchEvent::Kind::replaced : WatchEvent::Kind::published, name, outcome.version);
    return outcome.version;
}

void Context::free(Session& session, const wire::Free& message) {
    Record& record = get({message.slot, message.generation}, "free");
    check_right(session, record, message.lease, "free");
    if (message.lease != wire::kNoLease && (message.flags & wire::Free::kKeepLease) == 0) {
        allocations_.give_up(record, session, message.lease);
    }
    allocations_.drop_hold(record);
    while (!record.names.empty()) {
        unpublish(*record.names.back()->text);
    }
    allocations_.settle(record);
    touch();
}

void Context::unpublish(std::string_view name, std::uint64_t only_version) {
    const auto at = publications_.find(name);
    if (at == publications_.names().end()) {
        fail(Errc::not_found, "unpublish of '{}' failed: nothing is published under that name in '{}'", name, job());
    }
    const std::uint64_t version = at->second.version;
    if (only_version != 0 && version != only_version) {
        fail(Errc::not_found, "unpublish of '{}' failed: it has version {} in '{}', not {}", name, version, job(),
             only_version);
    }
    const std::string text = at->first;  // `name` may be the key that goes
    publications_.remove(at);
    touch();
    tell(WatchEvent::Kind::unpublished, text, version);
}

std::size_t Context::expire(std::chrono::steady_clock::time_point now) {
    constexpr std::size_t kMostAtOnce = 64;
    std::size_t gone = 0;
    for (; gone < kMostAtOnce; ++gone) {
        const auto next = publications_.next_expiry();
        if (!next || *next > now) {
            break;
        }
        unpublish(publications_.next_to_expire());
    }
    return gone;
}

void Context::release_hold(Session& session, table::AllocationRef ref) {
    Record* const record = allocations_.find(ref);
    if (record == nullptr || record->holder != &session) {
        return;  // it was published or freed in between, or the client is confused about its own
    }
    allocations_.drop_hold(*record);
    allocations_.settle(*record);
    touch();
}

void Context::nudge(table::AllocationRef ref) {
    const Record* const record = allocations_.find(ref);
    if (record != nullptr && record->listed) {
        touch();
    }
}

Contents Context::contents(const Name& name) const noexcept {
    if (writer_.poisoned(name.allocation)) {
        return Contents::lost;
    }
    return fences_.is_complete(name.fence) ? Contents::complete : Contents::pending;
}

Contents Context::contents(const Record& record) const noexcept {
    if (writer_.poisoned(record.ref)) {
        return Contents::lost;
    }
    const auto is_pending = [&](const Name* name) { return contents(*name) == Contents::pending; };
    return std::ranges::any_of(record.names, is_pending) ? Contents::pending : Contents::complete;
}

bool Context::uses(std::uint32_t device) const {
    const auto on_device = [&](const auto& thing) { return thing.device == device; };
    return !pools_[device].empty() || growing[device] || std::ranges::any_of(waiting, on_device) ||
           std::ranges::any_of(closing, on_device) ||
           std::ranges::any_of(members_, [&](const auto& member) { return member.second->default_device == device; });
}

void Context::end(Errc reason) {
    if (ended_) {
        return;
    }
    ended_ = true;
    settings_.persistent = false;
    publications_.remove_all();
    writer_.end(reason == Errc::device_unavailable ? table::ContextState::device_lost : table::ContextState::ended);
    touch();
    tell(WatchEvent::Kind::context_ended, {}, 0);
}

void Context::touch() {
    scan_wanted_ = true;
    if (!is_touched_) {
        touched_.push_back(id());
        is_touched_ = true;
    }
}

std::chrono::nanoseconds Context::rest_after(std::chrono::nanoseconds scan) noexcept {
    constexpr std::chrono::microseconds kNoticeable{100};
    constexpr int kScans = 8;
    return scan < kNoticeable ? std::chrono::nanoseconds{0} : kScans * scan;
}

bool Context::collect() {
    scan_wanted_ = false;
    if (!allocations_.any_retired()) {
        return false;
    }
    const auto begin = std::chrono::steady_clock::now();
    const bool went = allocations_.collect(members_) != 0;
    const auto end = std::chrono::steady_clock::now();
    rests_until_ = end + rest_after(end - begin);
    reclaimed_ = reclaimed_ || went;
    return went;
}

// Others may wait for what went.
bool Context::collect_for_room(Collect collect) {
    const bool went = collect == Collect::where_short && this->collect();
    if (went) {
        touch();
    }
    return went;
}

bool Context::may_ever_hold(std::uint64_t bytes) const noexcept {
    return (settings_.quota == 0 || bytes <= settings_.quota) &&
           (settings_.user_quota == 0 || bytes <= settings_.user_quota);
}

void Context::tell_room() noexcept {
    if (std::exchange(room_wanted_, false)) {
        writer_.announce_room();
    }
}

void Context::remove_member(Session& session) {
    while (!session.holds.empty()) {
        Record& record = allocations_.held_at(session.holds.back());
        allocations_.drop_hold(record);
        allocations_.settle(record);
    }
    members_.erase(session.id);
    touch();
}

void Context::tell(WatchEvent::Kind kind, std::string_view name, std::uint64_t version) {
    watchers_.tell({kind, id(), uid(), job(), name, version});
}

}  // namespace fastio::service
