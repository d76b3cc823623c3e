#include "service/fences.hpp"

#include "core/fail.hpp"
#include "device/waiting.hpp"

namespace fastio::service {

table::FenceBook& Fences::book() {
    return book_ ? *book_ : book_.emplace();
}

std::optional<std::uint32_t> Fences::grant(std::uint64_t session) {
    return book().grant(session);
}

bool Fences::is_complete(table::FenceRef fence) const noexcept {
    return fence.value == 0 || reached(book_->word(fence.word), fence.value);
}

bool Fences::is_complete(const Entry& entry) const noexcept {
    return is_complete(table::FenceRef{entry.first, entry.second.value});
}

bool Fences::is_pending(std::uint64_t session, table::FenceRef fence, std::string_view name) const {
    if (fence.value == 0) {
        return false;
    }
    if (!book_ || !book_->owns(session, fence.word)) {
        fail(Errc::permission_denied, "publish of '{}' failed: fence word {} is not one of this client's", name,
             fence.word);
    }
    const auto earlier = pending_.find(fence.word);
    if (earlier != pending_.end() && !is_complete(*earlier)) {
        fail(Errc::protocol_error, "publish of '{}' failed: fence word {} still stands for '{}'", name, fence.word,
             earlier->second.name);
    }
    return !reached(book_->word(fence.word), fence.value);
}

void Fences::add(std::uint64_t session, table::FenceRef fence, table::AllocationRef allocation, std::string_view name,
                 Clock::time_point since) {
    pending_.insert_or_assign(fence.word, Pending{session, fence.value, allocation, std::string(name), since, false});
}

void Fences::poison(Entry& entry, std::vector<Lost>& lost) {
    Pending& pending = entry.second;
    if (!pending.poisoned && !is_complete(entry)) {
        lost.push_back({pending.name, pending.session});
        writer_.poison(pending.allocation);
        pending.poisoned = true;
    }
}

std::vector<Fences::Lost> Fences::poison(std::uint64_t session) {
    std::vector<Lost> lost;
    for (Entry& entry : pending_) {
        if (entry.second.session == session) {
            poison(entry, lost);
        }
    }
    return lost;
}

void Fences::finish(std::uint64_t session, bool said_bye) {
    if (!book_) {
        return;
    }
    static_cast<void>(poison(session));  // after a bye nothing is left, of an honest client
    std::erase_if(pending_, [&](const Entry& entry) {
        if (entry.second.session != session) {
            return false;
        }
        complete(book_->word(entry.first), entry.second.value);
        return true;
    });
    said_bye ? book_->give_back(session) : book_->retire(session);
}

std::vector<Fences::Lost> Fences::expire(Clock::time_point before) {
    std::vector<Lost> lost;
    // Also what a dead session left, whose forked child keeps finish from coming: its stream may still write the word,
    // and the same value. Once: a member that sets the word back makes its own streams wait, and no work here.
    for (auto at = pending_.begin(); at != pending_.end();) {
        Entry& entry = *at;
        if (entry.second.since > before) {
            ++at;
            continue;
        }
        if (!is_complete(entry)) {
            poison(entry, lost);
            complete(book_->word(entry.first), entry.second.value);
        }
        at = pending_.erase(at);
    }
    return lost;
}

std::optional<Fences::Clock::time_point> Fences::oldest() {
    std::erase_if(pending_, [this](const Entry& entry) { return is_complete(entry); });
    std::optional<Clock::time_point> oldest;
    for (const auto& [word, pending] : pending_) {
        if (!oldest || pending.since < *oldest) {
            oldest = pending.since;
        }
    }
    return oldest;
}

}  // namespace fastio::service
