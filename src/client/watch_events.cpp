#include "client/watch_events.hpp"

#include <new>

#include "client/incoming.hpp"
#include "core/fail.hpp"
#include "core/limits.hpp"

namespace fastio::detail {

Watch subscribe(Connection& connection, WatchRegistry& watches, std::weak_ptr<WatchSource> source, WatchScope scope,
                std::string_view prefix) {
    if (prefix.size() > kMaxNameBytes) {
        fail(Errc::invalid_argument, "watch was given a prefix of {} bytes, and names have {} at most: shorten it",
             prefix.size(), kMaxNameBytes);
    }
    // Queued from here on: the first events may come before the reply.
    auto queue = watches.add(std::move(source));
    wire::Watch request;
    request.all_contexts = static_cast<std::uint32_t>(scope);
    request.id = queue->id();
    wire::set_text(request.prefix, prefix);
    try {
        static_cast<void>(connection.call<wire::Ok>(request, "watch"));
    } catch (...) {
        watches.remove(queue->id());
        throw;
    }
    return Watch(std::move(queue));
}

void unwatch_at(Connection& connection, std::uint32_t id) noexcept {
    wire::Unwatch message;
    message.id = id;
    connection.post(message);
}

void push_event(WatchRegistry& watches, const wire::Event& event) noexcept {
    try {
        if (const std::optional<WatchEvent> known = to_watch_event(event)) {
            for (const std::uint32_t id : watches_of(event)) {
                watches.push(id, *known);
            }
        }
    } catch (const std::bad_alloc&) {
        watches.lose_all();
    }
}

}  // namespace fastio::detail
