#include "client/listener.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <system_error>
#include <utility>

#include "client/incoming.hpp"
#include "core/fail.hpp"
#include "device/eventfd.hpp"
#include "device/process_limits.hpp"
#include "device/quiet_thread.hpp"

namespace fastio::detail {

namespace {

/// Where there is room, and the kernel has no memory all the same.
constexpr int kPauseMilliseconds = 10;

}  // namespace

Listener::Listener(Connection& connection, EventSink& sink)
    : connection_(connection), events_(connection.events()), sink_(sink), stop_(make_eventfd()) {
    try {
        thread_ = quiet_thread([this] { run(); });
    } catch (const std::system_error& error) {
        fail(Errc::io_error, "could not start the client's helper thread: {}; check the limit of {}", error.what(),
             limit_of_threads());
    }
}

Listener::~Listener() {
    const std::uint64_t one = 1;
    // An eventfd's counter takes a first write at once.
    [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof(one));
    thread_.join();
}

void Listener::run() noexcept {
    enum : std::size_t { of_stop, of_events, of_service, of_posted, of_room };
    constexpr int kNone = -1;  // which poll ignores
    bool told = false;         // the sink, that the session is lost
    for (bool service_lives = true; service_lives;) {
        const int of_open_events = open_ ? events_.fd() : kNone;
        const auto wanted = static_cast<short>(acknowledgements_.empty() ? POLLIN : POLLIN | POLLOUT);
        const int of_requests = posted_ == Posted::await_room ? connection_.requests_fd() : kNone;
        std::array<pollfd, 5> entries{{{stop_.get(), POLLIN, 0},
                                       {of_open_events, wanted, 0},
                                       {connection_.service_pidfd(), POLLIN, 0},
                                       {connection_.outbox().wake_fd(), POLLIN, 0},
                                       {of_requests, POLLOUT, 0}}};
        const int timeout = posted_ == Posted::pause ? kPauseMilliseconds : -1;
        if (::poll(entries.data(), entries.size(), timeout) < 0) {
            // EINTR; the kernel is out of memory for a moment, in which this may have to end.
            std::uint64_t stops = 0;
            if (::read(stop_.get(), &stops, sizeof(stops)) == sizeof(stops)) {
                return;
            }
            continue;
        }
        if (entries[of_stop].revents != 0) {
            return;
        }
        if (entries[of_events].revents != 0) {
            read_events();  // before the pidfd: what was said before the end still counts
            send_acknowledgements();
        }
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
        wire::SlabClosed closed;
        closed.index = slab->index;
        closed.generation = slab->generation;
        acknowledgements_.push_back(closed);
    }
}

void Listener::send_acknowledgements() noexcept {
    while (open_ && !acknowledgements_.empty()) {
        switch (events_.send(acknowledgements_.back(), {}, false)) {
            case wire::SendResult::sent:
                acknowledgements_.pop_back();
                break;
            case wire::SendResult::would_block:
                return;  // poll says when
            case wire::SendResult::closed:
                open_ = false;
        }
    }
}

}  // namespace fastio::detail
