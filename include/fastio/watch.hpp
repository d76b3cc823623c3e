#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <fastio/export.hpp>

namespace fastio {

/// One change, as Watch gives it.
struct WatchEvent {
    enum class Kind : std::uint8_t {
        published = 1,    ///< a name was bound for the first time
        replaced = 2,     ///< a name moved to newer contents
        unpublished = 3,  ///< a name was removed
        context_created = 4,
        context_ended = 5,
        session_joined = 6,  ///< `name` is the operator's
        session_left = 7,
        lost = 8,  ///< events were dropped because this watcher was slow: list again
    };
    Kind kind = Kind::lost;
    std::string job{};
    std::string name{};
    std::uint64_t version = 0;  ///< of the publication; 0 for events that have none
};

/// The spelling of an event's kind, e.g. "published".
[[nodiscard]] FASTIO_EXPORT const char* to_string(WatchEvent::Kind kind) noexcept;

namespace detail {
class WatchQueue;
}

/// A subscription to changes. Starts with what happens after it was made. Move-only; the destructor unsubscribes.
/// *Threads:* next() may be called from several threads; each event is given once. A slow watcher never delays anybody:
/// past 1,024 unread events it gets `lost` and the newest.
class FASTIO_EXPORT Watch {
public:
    explicit Watch(std::shared_ptr<detail::WatchQueue> queue) noexcept;
    Watch(Watch&&) noexcept;
    Watch& operator=(Watch&&) noexcept;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch();

    /// The next event, waiting for it at most `timeout` (fastio::forever: without bound; 0: not at all); empty when
    /// there was none. Errors: service_lost, context_closed, device_unavailable (the context's GPU was lost), forked.
    [[nodiscard]] std::optional<WatchEvent> next(std::chrono::nanoseconds timeout);

    /// A descriptor that polls readable while next() would return or throw at once. Owned by the Watch.
    [[nodiscard]] int fd() const noexcept;

private:
    std::shared_ptr<detail::WatchQueue> queue_;
};

}  // namespace fastio
