#include "service/event_channel.hpp"

#include <utility>

namespace fastio::service {

template <class Message>
bool EventChannel::try_send(Message& message) noexcept {
    // A closed socket swallows: the hang-up arrives by itself.
    return socket_.send(message, {}, false) != wire::SendResult::would_block;
}

void EventChannel::tell(wire::Event event, Poller& poller) {
    if (!socket_) {
        return;
    }
    if (full_ || !try_send(event)) {
        lost_ = true;
        want_room(poller);
    }
}

void EventChannel::make_room_for_closing(std::size_t count) {
    spare_.reserve(count);
    while (socket_ && spare_.size() < count) {
        std::set<table::SlabRef> one{{}};
        spare_.push_back(one.extract(one.begin()));
    }
}

void EventChannel::tell_slab_closing(table::SlabRef slab, Poller& poller) noexcept {
    if (!socket_) {
        return;
    }
    wire::SlabClosing message{};
    message.index = slab.index;
    message.generation = slab.generation;
    if (full_ || !try_send(message)) {
        spare_.back().value() = slab;
        closing_.insert(std::move(spare_.back()));
        spare_.pop_back();
        want_room(poller);
    }
}

void EventChannel::tell_context_ended(Errc reason, Poller& poller) {
    if (!socket_) {
        return;
    }
    wire::ContextEnded message{};
    message.reason = static_cast<std::int32_t>(reason);
    if (full_ || !try_send(message)) {
        ended_ = reason;
        want_room(poller);
    }
}

void EventChannel::flush(Poller& poller) {
    wire::ContextEnded context_ended{};
    context_ended.reason = static_cast<std::int32_t>(ended_.value_or(Errc::context_closed));
    if (ended_ && !try_send(context_ended)) {
        return;
    }
    ended_.reset();
    while (!closing_.empty()) {
        wire::SlabClosing message{};
        message.index = closing_.begin()->index;
        message.generation = closing_.begin()->generation;
        if (!try_send(message)) {
            return;
        }
        closing_.erase(closing_.begin());
    }
    wire::EventsLost events_lost{};
    if (lost_ && !try_send(events_lost)) {
        return;
    }
    lost_ = false;
    full_ = false;
    watch(poller);
}

void EventChannel::set_reading(bool wanted, Poller& poller) noexcept {
    is_read_ = wanted;
    watch(poller);
}

void EventChannel::close() noexcept {
    socket_.reset();
    closing_.clear();
    spare_.clear();
}

void EventChannel::want_room(Poller& poller) noexcept {
    if (!full_) {
        full_ = true;
        watch(poller);
    }
}

void EventChannel::watch(Poller& poller) noexcept {
    if (socket_) {
        poller.modify(socket_.fd(), (is_read_ ? EPOLLIN : 0U) | (full_ ? EPOLLOUT : 0U), token());
    }
}

}  // namespace fastio::service
