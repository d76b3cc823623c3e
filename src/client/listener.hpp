#pragma once

#include <thread>
#include <vector>

#include "device/descriptor.hpp"
#include "table/writer.hpp"
#include "wire/messages.hpp"
#include "wire/socket.hpp"

namespace fastio::detail {

/// Who is told what the service says unasked. Called by the helper thread only.
class EventSink {
public:
    EventSink() = default;
    EventSink(const EventSink&) = delete;
    EventSink& operator=(const EventSink&) = delete;

    /// Unmap this slab if it is mapped. True when that is done, so that the service can be told; else the sink tells it
    /// later.
    [[nodiscard]] virtual bool slab_closing(table::SlabRef slab) noexcept = 0;
    virtual void event(const wire::Event& event) noexcept = 0;
    virtual void events_lost() noexcept = 0;
    virtual void context_ended(Errc reason) noexcept = 0;
    /// The service died or ended the session. Nothing else is called afterwards.
    virtual void service_lost() noexcept = 0;

protected:
    ~EventSink() = default;
};

/// The client's helper thread. At rest it sleeps in poll, without a timeout, on the event socket and the service's
/// pidfd. It takes no lock that is held during a request: a request may be waiting at the service for the very
/// slab_closed that this thread must send.
class Listener {
public:
    /// Starts the thread; all three must outlive it. Errors: io_error.
    Listener(wire::Socket& events, int service_pidfd, EventSink& sink);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    /// Ends and joins the thread. Not to be called by it, nor in a forked child.
    ~Listener();

private:
    void run() noexcept;
    void read_events() noexcept;
    void handle(const wire::Packet& packet) noexcept;
    void send_acknowledgements() noexcept;

    wire::Socket& events_;
    int service_pidfd_;
    EventSink& sink_;
    Descriptor stop_;
    bool open_ = true;                                // the service still speaks
    std::vector<wire::SlabClosed> acknowledgements_;  // not sent yet
    std::thread thread_;
};

}  // namespace fastio::detail
