#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <fastio/watch.hpp>

#include "client/connection.hpp"
#include "client/watch_queue.hpp"
#include "wire/messages.hpp"

namespace fastio::detail {

/// Whose changes a watch shows.
enum class WatchScope : std::uint32_t { own_context = 0, all_contexts = 1 };

/// Subscribes at the service. Errors: invalid_argument (a prefix over 255 bytes), quota_exceeded (as many watches as
/// this client may have), service_lost.
[[nodiscard]] Watch subscribe(Connection& connection, WatchRegistry& watches, std::weak_ptr<WatchSource> source,
                              WatchScope scope, std::string_view prefix);

/// Ends a subscription at the service, where there still is one.
void unwatch_at(Connection& connection, std::uint32_t id) noexcept;

/// Queues what the service sent; for events that cannot be queued, the watch learns that some were lost.
void push_event(WatchRegistry& watches, const wire::Event& event) noexcept;

}  // namespace fastio::detail
