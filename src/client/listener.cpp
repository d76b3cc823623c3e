#include "client/listener.hpp"

#include <poll.h>

#include <array>
#include <new>
#include <system_error>
#include <utility>

#include "client/incoming.hpp"
#include "core/fail.hpp"
#include "device/process_limits.hpp"
#include "device/quiet_thread.hpp"

namespace fastio::detail {

namespace {

/// Where there is room, and the kernel has no memory all the same.
constexpr int kPauseMilliseconds = 10;

}  // namespace

Listener::Listener(Connection& connection, EventSink& sink)
    : connection_(connection), events_(connection.events()), sink_(sink) {
    try {
        thread_ = quiet_thread([this] { run(); });
    } catch (const std::system_error& error) {
        fail(Errc::io_error, "could not start the client's helper thread: {}; check the limit of {}", error.what(),
             limit_of_threads());
    }
}

Listener::~Listener() {
    stopping_.store(true, std::memory_order_release);  // pairs with the acquires in run
    wake();
    thread_.join();
    send_acknowledgements();
}

void Listener::wake() noexcept {
    wake_.set();
}

void Listener::acknowledge(table::SlabRef slab) noexcept {
    wire::SlabClosed closed;
    closed.index = slab.index;
    closed.generation = slab.generation;
    try {
        const std::lock_guard lock(mutex_);
        acknowledgements_.push_back(closed);
    } catch (const std::bad_alloc&) {  // then the slab counts as mapped until the session ends
        return;
    }
    wake();
}

void Listener::run() noexcept {
    enum : std::size_t { of_wake, of_events, of_service, of_posted, of_room };
    constexpr int kNone = -1;  // which poll ignores
    bool told = false;         // the sink, that the session is lost
    bool is_full = false;      // the event socket
    for (bool service_lives = true; service_lives;) {
        const int of_open_events = open_ ? events_.fd() : kNone;
        const auto wanted = static_cast<short>(is_full ? POLLIN | POLLOUT : POLLIN);
        const int of_requests = posted_ == Posted::await_room ? connection_.requests_fd() : kNone;
        std::array<pollfd, 5> entries{{{wake_.get(), POLLIN, 0},
                                       {of_open_events, wanted, 0},
                                       {connection_.service_pidfd(), POLLIN, 0},
                                       {connection_.outbox().wake_fd(), POLLIN, 0},
                                       {of_requests, POLLOUT, 0}}};
        const int timeout = posted_ == Posted::pause ? kPauseMilliseconds : -1;
        if (::poll(entries.data(), entries.size(), timeout) < 0) {
            // EINTR; the kernel is out of memory for a moment, in which this may have to end.
            if (stopping_.load(std::memory_order_acquire)) {
                return;
            }
            continue;
        }
        if (entries[of_wake].revents != 0) {
            wake_.clear();
        }
        if (stopping_.load(std::memory_order_acquire)) {
            return;
        }
        if (entries[of_events].revents != 0) {
            read_events();  // before the pidfd: what was said before the end still counts
        }
        is_full = !send_acknowledgements();
        service_lives = entries[of_service].revents == 0;
        if (!(open_ && service_lives) && !std::exchange(told, true)) {
            open_ = false;
            sink_.session_lost();
        }
        if (entries[of_room].revents != 0) {
            posted_ = connection_.send_posted() == Connection::Posted::is_full ? Posted::pause : Posted::none;
        } else if (posted_ == Posted::pause) {
            posted_ = Posted::await_room;
        }
        if (entries[of_posted].revents != 0) {
            connection_.outbox().seen();
            posted_ = Posted::await_room;
        }
    }
    sink_.service_lost();
}

void Listener::read_events() noexcept {
    wire::Packet packet;
    for (;;) {
        switch (events_.receive(packet, false)) {
            case wire::ReceiveResult::received:
                handle(packet);
                break;
            case wire::ReceiveResult::would_block:
                return;
            case wire::ReceiveResult::closed:
                open_ = false;
                return;
        }
    }
}

void Listener::handle(const wire::Packet& packet) noexcept {
    if (const auto slab = tell(packet, sink_)) {
        acknowledge(*slab);
    }
}

bool Listener::send_acknowledgements() noexcept {
    const std::lock_guard lock(mutex_);
    while (open_ && !acknowledgements_.empty()) {
        switch (events_.send(acknowledgements_.back(), {}, false)) {
            case wire::SendResult::sent:
                acknowledgements_.pop_back();
                break;
            case wire::SendResult::would_block:
                return false;
            case wire::SendResult::closed:
                open_ = false;
        }
    }
    return true;
}

}  // namespace fastio::detail
