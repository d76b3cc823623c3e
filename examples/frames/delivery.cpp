#include "delivery.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "stop.hpp"

namespace frames {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

/// How long a signal may go unseen, because Watch::next, unlike Context::get, does not return for one.
constexpr std::chrono::milliseconds kPart{100};

/// Whoever holds frames for longer does not come back.
constexpr std::chrono::seconds kRoom{10};

/// What has changed so far: a list that is made after this says more.
void forget(fastio::Watch& changes) {
    while (changes.next(nanoseconds(0))) {
    }
}

/// The name, if it has still that version.
void remove(fastio::Context& context, const std::string& name, std::uint64_t version) {
    try {
        context.unpublish(name, version);
    } catch (const fastio::Error& error) {
        if (error.errc() != fastio::Errc::not_found) {
            throw;
        }
    }
}

}  // namespace

fastio::CreateOptions room_on(fastio::Stream stream) {
    return {.stream = stream, .timeout = kRoom, .on_wake = throw_if_stopped};
}

Outlet::Outlet(fastio::Context& context, std::string name, const Delivery& delivery)
    : context_(context),
      name_(std::move(name)),
      prefix_(name_ + "s/"),
      delivery_(delivery),
      changes_(context.watch(prefix_)) {}

void Outlet::wait_for_room() {
    while (delivery_.policy == Policy::last_n && !is_stopped()) {
        forget(changes_);  // before the list, so that what changes after it is not forgotten
        if (context_.list(prefix_).size() < delivery_.keep) {
            return;
        }
        static_cast<void>(changes_.next(kPart));
    }
}

bool Outlet::publish(fastio::Allocation& allocation, std::uint64_t sequence, const fastio::PublishOptions& options) {
    if (delivery_.policy == Policy::latest) {
        fastio::PublishOptions replacing = options;
        replacing.replace = true;
        allocation.publish(name_, replacing);
        return true;
    }
    try {
        allocation.publish(prefix_ + std::to_string(sequence), options);
        return true;
    } catch (const fastio::Error& error) {
        if (error.errc() != fastio::Errc::already_exists) {
            throw;
        }
        return false;
    }
}

void Outlet::withdraw(const std::string& name, std::uint64_t version) {
    remove(context_, name, version);
}

std::uint64_t Outlet::first_free_number() {
    std::uint64_t first = 0;
    if (delivery_.policy == Policy::last_n) {
        for (const fastio::PublicationInfo& left : context_.list(prefix_)) {
            std::uint64_t number = 0;
            std::from_chars(left.name.data() + prefix_.size(), left.name.data() + left.name.size(), number);
            first = std::max(first, number + 1);
        }
    }
    return first;
}

Inlet::Inlet(fastio::Context& context, std::string name, const Delivery& delivery, std::uint64_t& lost)
    : context_(context),
      name_(std::move(name)),
      prefix_(name_ + "s/"),
      delivery_(delivery),
      changes_(context.watch(prefix_)),
      lost_(lost) {}

std::optional<fastio::Allocation> Inlet::next(fastio::Stream stream, nanoseconds timeout) {
    throw_if_stopped();
    auto found = delivery_.policy == Policy::latest ? next_latest(stream, timeout) : next_of_n(stream, timeout);
    if (found) {
        seen_ = found->version();
    }
    return found;
}

std::optional<fastio::Allocation> Inlet::next_latest(fastio::Stream stream, nanoseconds timeout) {
    for (;;) {
        try {
            return context_.find(
                name_, {.stream = stream, .timeout = timeout, .newer_than = seen_, .on_wake = throw_if_stopped});
        } catch (const fastio::Error& error) {
            if (error.errc() != fastio::Errc::producer_lost) {
                throw;
            }
            seen_ = error.version();
            ++lost_;
        }
    }
}

std::optional<fastio::Allocation> Inlet::next_of_n(fastio::Stream stream, nanoseconds timeout) {
    const auto end = Clock::now() + timeout;
    for (;;) {
        forget(changes_);
        while (const auto oldest = oldest_unseen()) {
            try {
                if (auto found = context_.find(oldest->name, {.stream = stream, .on_wake = throw_if_stopped})) {
                    return found;
                }
            } catch (const fastio::Error& error) {
                if (error.errc() != fastio::Errc::producer_lost) {
                    throw;
                }
                ++lost_;
                remove(context_, oldest->name, oldest->version);  // its producer's successor may publish it again
            }
        }
        const nanoseconds left = end - Clock::now();
        if (left <= nanoseconds(0)) {
            return std::nullopt;
        }
        static_cast<void>(changes_.next(std::min<nanoseconds>(left, kPart)));
        throw_if_stopped();
    }
}

std::optional<fastio::PublicationInfo> Inlet::oldest_unseen() {
    std::optional<fastio::PublicationInfo> oldest;
    for (fastio::PublicationInfo& info : context_.list(prefix_)) {
        if (info.version > seen_ && (!oldest || info.version < oldest->version)) {
            oldest = std::move(info);
        }
    }
    return oldest;
}

void Inlet::drop(fastio::Allocation& allocation, fastio::Stream stream) {
    if (delivery_.policy == Policy::latest) {
        allocation.release(fastio::completed);
    } else {
        allocation.free(stream);
    }
}

}  // namespace frames
