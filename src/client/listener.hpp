#pragma once

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "client/connection.hpp"
#include "device/eventfd.hpp"
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
    /// The service ended the session, or this side gave it up, or the service died. Only service_lost follows.
    virtual void session_lost() noexcept = 0;
    /// The service has died: nobody changes what it shared but those who still have it.
    virtual void service_lost() noexcept = 0;

protected:
    ~EventSink() = default;
};

/// The client's helper thread. At rest it sleeps in poll, without a timeout, on the event socket and the service's
/// pidfd, and until something posted waits for room. It waits for no lock that is held during a request: a request may
/// be waiting at the service for the very slab_closed that this thread must send.
class Listener {
public:
    /// Starts the thread; both must outlive it. Errors: io_error.
    Listener(Connection& connection, EventSink& sink);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    /// Ends and joins the thread. Not to be called by it, nor in a forked child.
    ~Listener();

    /// The slab is unmapped: the thread tells the service, and waits for nobody. From any thread.
    void acknowledge(table::SlabRef slab) noexcept;

private:
    void wake() noexcept;
    void run() noexcept;
    void read_events() noexcept;
    void handle(const wire::Packet& packet) noexcept;
    /// False if the service takes no more now.
    bool send_acknowledgements() noexcept;

    Connection& connection_;
    wire::Socket& events_;
    EventSink& sink_;
    EventFd wake_{};  // there is something new in what follows
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::vector<wire::SlabClosed> acknowledgements_;                       // not sent yet; guarded by mutex_
    bool open_ = true;                                                     // the service still speaks
    enum class Posted { none, await_room, pause } posted_ = Posted::none;  // what waits in the outbox
    std::thread thread_;
};

}  // namespace fastio::detail
