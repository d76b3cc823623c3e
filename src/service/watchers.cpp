#include "service/watchers.hpp"

#include <algorithm>
#include <utility>

#include "core/fail.hpp"

namespace fastio::service {
namespace {

bool is_of_a_name(WatchEvent::Kind kind) noexcept {
    return kind == WatchEvent::Kind::published || kind == WatchEvent::Kind::replaced ||
           kind == WatchEvent::Kind::unpublished;
}

}  // namespace

void Watchers::add_for_context(Session& session, std::uint32_t id, std::string_view prefix, std::uint64_t context) {
    check_new(session, id);
    add(by_context_, context, {&session, id, std::string(prefix)});
    ++session.watches;
}

void Watchers::add_for_all(Session& session, std::uint32_t id, std::string_view prefix, bool everything) {
    check_new(session, id);
    Watch watch{&session, id, std::string(prefix)};
    everything ? add(of_everything_, std::move(watch)) : add(by_user_, session.uid, std::move(watch));
    ++session.watches;
}

void Watchers::add(Watches& watches, Watch watch) {
    const auto behind =
        std::ranges::upper_bound(watches, watch.session->id, {}, [](const Watch& other) { return other.session->id; });
    watches.insert(behind, std::move(watch));
}

template <class Lists>
void Watchers::add(Lists& lists, const typename Lists::key_type& key, Watch watch) {
    const auto list = lists.try_emplace(key).first;
    try {
        add(list->second, std::move(watch));
    } catch (...) {
        if (list->second.empty()) {
            lists.erase(list);
        }
        throw;
    }
}

template <class Matches>
std::size_t Watchers::remove_if(Matches&& matches) noexcept {
    std::size_t removed = std::erase_if(of_everything_, matches);
    const auto from = [&](auto& lists) {
        for (auto& [key, watches] : lists) {
            removed += std::erase_if(watches, matches);
        }
        std::erase_if(lists, [](const auto& entry) { return entry.second.empty(); });
    };
    from(by_context_);
    from(by_user_);
    return removed;
}

void Watchers::check_new(const Session& session, std::uint32_t id) const {
    const auto has_it = [&](const Watches& watches) {
        return std::ranges::any_of(watches,
                                   [&](const Watch& watch) { return watch.session == &session && watch.id == id; });
    };
    const auto any_has_it = [&](const auto& lists) {
        return std::ranges::any_of(lists, [&](const auto& entry) { return has_it(entry.second); });
    };
    if (has_it(of_everything_) || any_has_it(by_context_) || any_has_it(by_user_)) {
        fail(Errc::invalid_argument, "this client already has a watch of id {}: give each its own", id);
    }
    if (session.watches >= kMostPerSession) {
        fail(Errc::quota_exceeded, "this client has {} watches, as many as it may: end one first", session.watches);
    }
}

void Watchers::remove(Session& session, std::uint32_t id) noexcept {
    if (remove_if([&](const Watch& watch) { return watch.session == &session && watch.id == id; }) != 0) {
        --session.watches;
    }
}

void Watchers::remove_all(Session& session) noexcept {
    if (session.watches == 0) {
        return;
    }
    static_cast<void>(remove_if([&](const Watch& watch) { return watch.session == &session; }));
    session.watches = 0;
}

void Watchers::tell(const Change& change) {
    if (!by_context_.empty() && is_of_a_name(change.kind)) {
        if (const auto found = by_context_.find(change.context); found != by_context_.end()) {
            tell(found->second, change);
        }
    }
    if (const auto found = by_user_.find(change.uid); found != by_user_.end()) {
        tell(found->second, change);
    }
    tell(of_everything_, change);
}

void Watchers::tell(const Watches& watches, const Change& change) {
    if (watches.empty()) {
        return;
    }
    wire::Event event{};
    event.type = static_cast<std::uint32_t>(change.kind);
    event.version = change.version;
    wire::set_text(event.job, change.job);
    wire::set_text(event.name, change.name);
    for (auto watch = watches.begin(); watch != watches.end();) {
        Session& session = *watch->session;
        std::fill_n(event.watches, std::exchange(event.watch_count, 0U), 0U);  // those of the session before
        for (; watch != watches.end() && watch->session == &session; ++watch) {
            if (concerns(*watch, change)) {
                event.watches[event.watch_count++] = watch->id;
            }
        }
        if (event.watch_count != 0) {
            session.events.tell(event, poller_);
        }
    }
}

bool Watchers::concerns(const Watch& watch, const Change& change) noexcept {
    return !is_of_a_name(change.kind) || change.name.starts_with(watch.prefix);
}

}  // namespace fastio::service
