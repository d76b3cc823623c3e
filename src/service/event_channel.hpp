#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include <fastio/error.hpp>

#include "service/poller.hpp"
#include "table/writer.hpp"
#include "wire/socket.hpp"

namespace fastio::service {

/// What the service says to one client unasked. Sends never wait. What does not fit into the kernel's buffer is kept as
/// facts, not as messages, so that it is bounded: that events were lost, which slabs are closing, that the context
/// ended. They go out when the client reads again.
class EventChannel {
public:
    EventChannel() noexcept = default;
    EventChannel(wire::Socket socket, std::uint64_t session) : socket_(std::move(socket)), session_(session) {}

    [[nodiscard]] wire::Socket& socket() noexcept { return socket_; }
    [[nodiscard]] Token token() const noexcept { return {Source::events, session_}; }

    void tell(wire::Event event, Poller& poller);
    /// So many slabs can be told of, whether the client reads or not. Errors: std::bad_alloc.
    void make_room_for_closing(std::size_t count);
    /// To be called after make_room_for_closing.
    void tell_slab_closing(table::SlabRef slab, Poller& poller) noexcept;
    void tell_context_ended(Errc reason, Poller& poller);
    /// The client acknowledged, or need not hear of it any more.
    void forget_slab(table::SlabRef slab) noexcept { closing_.erase(slab); }

    /// After EPOLLOUT.
    void flush(Poller& poller);
    /// Whether what the client sends is read.
    void set_reading(bool wanted, Poller& poller) noexcept;
    void close() noexcept;

private:
    template <class Message>
    [[nodiscard]] bool try_send(Message& message) noexcept;
    void want_room(Poller& poller) noexcept;
    void watch(Poller& poller) noexcept;

    wire::Socket socket_{};
    std::uint64_t session_ = 0;
    bool full_ = false;  ///< the last send did not fit; EPOLLOUT is asked for
    bool lost_ = false;
    bool is_read_ = true;
    std::optional<Errc> ended_{};  ///< why
    std::set<table::SlabRef> closing_{};
    std::vector<std::set<table::SlabRef>::node_type> spare_{};  ///< for closing_
};

}  // namespace fastio::service
