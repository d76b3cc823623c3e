#include "service/watchers.hpp"

#include <algorithm>

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
    by_context_[context].push_back({&session, id, std::string(prefix), false});
    ++session.watches;
}

void Watchers::add_for_all(Session& session, std::uint32_t id, std::string_view prefix, bool everything) {
    check_new(session, id);
    all_.push_back({&session, id, std::string(prefix), everything});
    ++session.watches;
}

void Watchers::check_new(const Session& session, std::uint32_t id) const {
    const auto same = [&](const Watch& watch) { return watch.session == &session && watch.id == id; };
    bool taken = std::any_of(all_.begin(), all_.end(), same);
    for (const auto& [context, watches] : by_context_) {
        taken = taken || std::any_of(watches.begin(), watches.end(), same);
    }
    if (taken) {
        fail(Errc::invalid_argument, "this client already has a watch of id {}: give each its own", id);
    }
    if (session.watches >= kMostPerSession) {
        fail(Errc::quota_exceeded, "this client has {} watches, as many as it may: end one first", session.watches);
    }
}

void Watchers::remove(Session& session, std::uint32_t id) {
    const auto same = [&](const Watch& watch) { return watch.session == &session && watch.id == id; };
    std::size_t removed = std::erase_if(all_, same);
    for (auto& [context, watches] : by_context_) {
        removed += std::erase_if(watches, same);
    }
    if (removed == 0) {
        fail(Errc::not_found, "this client has no watch of id {}", id);
    }
    std::erase_if(by_context_, [](const auto& entry) { return entry.second.empty(); });
    --session.watches;
}

void Watchers::remove_all(Session& session) noexcept {
    if (session.watches == 0) {
        return;
    }
    const auto own = [&](const Watch& watch) { return watch.session == &session; };
    std::erase_if(all_, own);
    for (auto& [context, watches] : by_context_) {
        std::erase_if(watches, own);
    }
    std::erase_if(by_context_, [](const auto& entry) { return entry.second.empty(); });
    session.watches = 0;
}

void Watchers::tell(const Change& change) {
    if (!by_context_.empty() && is_of_a_name(change.kind)) {
        if (const auto found = by_context_.find(change.context); found != by_context_.end()) {
            for (const Watch& watch : found->second) {
                send(watch, change);
            }
        }
    }
    for (const Watch& watch : all_) {
        if (watch.everything || watch.session->uid == change.uid) {
            send(watch, change);
        }
    }
}

void Watchers::send(const Watch& watch, const Change& change) {
    if (is_of_a_name(change.kind) && !change.name.starts_with(watch.prefix)) {
        return;
    }
    wire::Event event{};
    event.id = watch.id;
    event.type = static_cast<std::uint32_t>(change.kind);
    event.version = change.version;
    wire::set_text(event.job, change.job);
    wire::set_text(event.name, change.name);
    watch.session->events.tell(event, poller_);
}

}  // namespace fastio::service
