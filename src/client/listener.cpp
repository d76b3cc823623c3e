#include "client/listener.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "client/incoming.hpp"
#include "core/fail.hpp"
#include "device/quiet_thread.hpp"

namespace fastio::detail {

Listener::Listener(wire::Socket& events, int service_pidfd, EventSink& sink)
    : events_(events), service_pidfd_(service_pidfd), sink_(sink), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!stop_) {
        const int error = errno;
        fail(Errc::io_error, "could not make an eventfd: {} ({}); raise the limit of open files (ulimit -n)",
             std::strerror(error), error);
    }
    try {
        thread_ = quiet_thread([this] { run(); });
    } catch (const std::system_error& error) {
        fail(Errc::io_error, "could not start the client's helper thread: {}; check the limit of threads (ulimit -u)",
             error.what());
    }
}

Listener::~Listener() {
    const std::uint64_t one = 1;
    // An eventfd's counter takes a first write at once.
    [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof(one));
    thread_.join();
}

void Listener::run() noexcept {
    enum : std::size_t { of_stop, of_events, of_service };
    while (open_) {
        const auto wanted = static_cast<short>(acknowledgements_.empty() ? POLLIN : POLLIN | POLLOUT);
        std::array<pollfd, 3> entries{
            {{stop_.get(), POLLIN, 0}, {events_.fd(), wanted, 0}, {service_pidfd_, POLLIN, 0}}};
        if (::poll(entries.data(), entries.size(), -1) < 0) {
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
        if (entries[of_service].revents != 0) {
            open_ = false;
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
