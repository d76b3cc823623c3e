#include "service/service.hpp"

#include <sys/ioctl.h>

#include <ctime>

#include "core/fail.hpp"
#include "device/process_limits.hpp"
#include "service/admission.hpp"
#include "service/fence_watch.hpp"
#include "service/growth.hpp"
#include "service/inspector.hpp"
#include "service/listener.hpp"
#include "service/metrics_endpoint.hpp"
#include "service/name_expiry.hpp"
#include "service/registry.hpp"
#include "service/request_dispatcher.hpp"
#include "service/teardown.hpp"

namespace fastio::service {
namespace {

Options checked(Options options) {
    if (options.max_clients == 0 || options.max_contexts == 0 || options.max_leases == 0 ||
        options.max_allocations == 0 || options.max_allocations > kMostAllocations) {
        fail(Errc::invalid_argument,
             "a service for {} clients of {} leases and {} contexts of {} allocations was asked for: give at least 1 "
             "of each, and at most {} allocations",
             options.max_clients, options.max_leases, options.max_contexts, options.max_allocations, kMostAllocations);
    }
    return options;
}

TimeShare::Clock::duration processor_time() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

struct Service::Parts {
    Parts(Options options, std::vector<std::shared_ptr<DeviceMemory>> devices)
        : registry(checked(std::move(options)), std::move(devices)),
          listener(registry.options.socket, registry.options.group, registry.options.let_descriptors_in) {
        registry.poller.add(listener.fd(), EPOLLIN, {Source::listener, 0});
        registry.poller.add(stop.get(), EPOLLIN, {Source::stop, 0});
        if (registry.options.stop_descriptor >= 0) {
            registry.poller.add(registry.options.stop_descriptor, EPOLLIN, {Source::stop, 0});
        }
        registry.poller.add(registry.wake.get(), EPOLLIN, {Source::workers, 0});
        registry.poller.add(registry.timers.fd(), EPOLLIN, {Source::timers, 0});
    }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    ~Parts();

    void serve(const epoll_event& event);
    void on_connection();
    void on_request(Session& session);
    void on_events(Session& session, std::uint32_t events);
    void on_exit(Session& session);
    /// A client is ended once its process has exited and what it had sent is served.
    void end_if_dead(Session& session) noexcept;
    /// Whether it has asked for more than its share: then nothing is read from it for a while.
    [[nodiscard]] bool has_to_rest(Session& session, TimeShare::Clock::time_point now);
    /// After something that it asked for, since `begin`.
    void charge(Session& session, TimeShare::Clock::time_point begin);
    void on_rested(Session& session) noexcept;
    void on_timers();
    void on_due(const Timers::Due& due);
    /// After each source: ends what was marked. What fails is tried again after the next.
    void settle() noexcept;
    /// After each round: one scan per context that something happened in. What fails is tried again after the next.
    void tidy();
    void tidy(Context& context);

    Registry registry;
    Inspector inspector{registry};
    MetricsEndpoint metrics{registry, inspector};  // before the socket: where its port is taken, nobody sees a service
    Listener listener;
    EventFd stop{};
    SlabReturns returns{registry};
    Growth growth{registry, returns};
    FenceWatch fence_watch{registry};
    NameExpiry name_expiry{registry};
    Teardown teardown{registry, growth, returns, fence_watch};
    Admission admission{registry};
    RequestDispatcher dispatcher{registry, admission, growth, returns, fence_watch, name_expiry, teardown, inspector};
    wire::Packet packet{};  ///< one for all sessions: only the message in work is in memory
    WorkClock work_clock{};
    bool stopping = false;
    bool looks_again = false;  ///< something failed that is tried again, also where nothing else happens
};

Service::Parts::~Parts() {
    registry.devices.stop_workers();
    for (const auto& [id, context] : registry.contexts) {
        fence_watch.service_ends(*context);
    }
    for (const auto& [id, session] : registry.sessions) {
        registry.foreign.close(session->uid, session->request);
        registry.foreign.close(session->uid, session->events.socket());
    }
    for (const auto& [id, context] : registry.contexts) {
        std::uint32_t index = 0;
        for (SlabPool& pool : context->pools()) {
            while (std::optional<SlabPool::Slab> slab = pool.take_any()) {
                registry.devices.give_back(index, std::move(slab->memory));
            }
            ++index;
        }
        for (ClosingSlab& slab : context->closing) {
            registry.devices.give_back(slab.device, std::move(slab.memory));
        }
    }
}

void Service::Parts::serve(const epoll_event& event) {
    const Token token = Token::unpack(event.data.u64);
    switch (token.source) {
        case Source::listener:
            on_connection();
            return;
        case Source::stop:
            stopping = true;
            return;
        case Source::workers:
            growth.on_workers();
            teardown.end_contexts_of_lost_devices();
            return;
        case Source::timers:
            on_timers();
            return;
        case Source::metrics:
            metrics.on_connection();
            return;
        case Source::scrape:
            metrics.on_ready(token.id);
            return;
        case Source::unread:
            registry.unread.on_ready(token.id);
            return;
        default:
            break;
    }
    Session* const session = registry.session(token.id);
    if (session == nullptr) {
        return;  // it ended earlier in this round
    }
    switch (token.source) {
        case Source::request:
            on_request(*session);
            break;
        case Source::events:
            on_events(*session, event.events);
            break;
        case Source::pidfd:
            on_exit(*session);
            break;
        case Source::lifeline:
            teardown.on_lifeline_end(*session);
            break;
        default:
            break;
    }
}

void Service::Parts::on_connection() {
    wire::Socket socket;
    switch (listener.accept(socket)) {
        case Listener::Accepted::connection:
            admission.admit(std::move(socket));
            break;
        case Listener::Accepted::refused:
            registry.warn(registry.of_anybody,
                          "a connection was refused: no file descriptor is left; raise the limit of {}",
                          limit_of_open_files());
            break;
        case Listener::Accepted::nothing:
            break;
    }
}

void Service::Parts::on_request(Session& session) {
    if (!session.connected() || session.end != Session::End::none) {
        return;
    }
    const auto begin = TimeShare::Clock::now();
    if (has_to_rest(session, begin)) {
        return;
    }
    switch (session.request.receive(packet, false)) {
        case wire::ReceiveResult::received:
            session.left_at_exit -= static_cast<std::int64_t>(packet.bytes);
            dispatcher.request(session, packet);
            break;
        case wire::ReceiveResult::closed:
            registry.end(session, Session::End::hang_up);
            break;
        case wire::ReceiveResult::would_block:
            session.left_at_exit = 0;
            break;
    }
    registry.foreign.close(session.uid, packet);
    end_if_dead(session);
    charge(session, begin);
}

void Service::Parts::on_events(Session& session, std::uint32_t events) {
    if (!session.connected() || session.end != Session::End::none) {
        return;
    }
    if ((events & EPOLLOUT) != 0) {
        session.events.flush(registry.poller);
    }
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) {
        return;
    }
    const auto begin = TimeShare::Clock::now();
    if (has_to_rest(session, begin)) {
        return;
    }
    switch (session.events.socket().receive(packet, false)) {
        case wire::ReceiveResult::received:
            dispatcher.event(session, packet);
            break;
        case wire::ReceiveResult::closed:
            // Not the end of the session: a dying client's last request may still be in its other socket.
            registry.poller.remove(session.events.socket().fd());
            registry.foreign.close(session.uid, session.events.socket());
            session.events.close();
            break;
        case wire::ReceiveResult::would_block:
            break;
    }
    registry.foreign.close(session.uid, packet);
    charge(session, begin);
}

bool Service::Parts::has_to_rest(Session& session, TimeShare::Clock::time_point now) {
    if (session.is_resting) {  // told all the same: a hang-up. What was sent before it is read: that is bounded
        return false;
    }
    const auto rest = std::max(registry.between_sessions.rest(session.time, session.id, now),
                               registry.between_users.rest(session.account->time, session.uid, now));
    if (rest == TimeShare::Clock::duration::zero()) {
        return false;
    }
    registry.timers.add_at(now + rest, {Timers::Purpose::rest, session.id});
    session.is_resting = true;
    ++registry.rests_given;
    registry.poller.modify(session.request.fd(), 0, {Source::request, session.id});
    session.events.set_reading(false, registry.poller);
    return true;
}

void Service::Parts::charge(Session& session, TimeShare::Clock::time_point begin) {
    const auto now = TimeShare::Clock::now();
    const auto spent = work_clock.spent(begin, now, processor_time);
    registry.between_sessions.charge(session.time, session.id, now, spent);
    registry.between_users.charge(session.account->time, session.uid, now, spent);
}

void Service::Parts::on_rested(Session& session) noexcept {
    session.is_resting = false;
    if (session.connected()) {
        registry.poller.modify(session.request.fd(), EPOLLIN, {Source::request, session.id});
        session.events.set_reading(true, registry.poller);
    }
}

void Service::Parts::on_exit(Session& session) {
    const bool is_connected = session.connected();
    teardown.on_exit(session);
    if (!is_connected) {
        return;
    }
    // What it had sent completely before it died counts (design P3), and is served in turn with what others ask for. A
    // forked child may go on sending: so many bytes are served as are queued now.
    int queued = 0;
    ::ioctl(session.request.fd(), FIONREAD, &queued);
    session.left_at_exit = queued;
    end_if_dead(session);
}

void Service::Parts::end_if_dead(Session& session) noexcept {
    if (session.exited && session.left_at_exit <= 0) {
        registry.end(session, Session::End::hang_up);
    }
}

void Service::Parts::on_timers() {
    for (const Timers::Due& due : registry.timers.take_due()) {
        try {
            on_due(due);
        } catch (const std::exception& error) {  // the others are due all the same
            registry.warn("what was due at some time could not be done: {}", error.what());
        }
    }
}

void Service::Parts::on_due(const Timers::Due& due) {
    const auto with_session = [&](auto&& call) {
        if (Session* const session = registry.session(due.id)) {
            call(*session);
        }
    };
    const auto with_context = [&](auto&& call) {
        if (Context* const context = registry.context(due.id)) {
            call(*context);
        }
    };
    switch (due.purpose) {
        case Timers::Purpose::grace:
            with_session([this](Session& session) { teardown.on_grace(session); });
            break;
        case Timers::Purpose::rest:
            with_session([this](Session& session) { on_rested(session); });
            break;
        case Timers::Purpose::linger:
            with_context([this](Context& context) { teardown.on_linger(context); });
            break;
        case Timers::Purpose::trim:
            with_context([this](Context& context) { returns.on_trim(context); });
            break;
        case Timers::Purpose::patience:
            with_context([this](Context& context) { growth.on_patience(context); });
            break;
        case Timers::Purpose::fence_limit:
            with_context([this](Context& context) { fence_watch.on_limit(context); });
            break;
        case Timers::Purpose::stream_scan:
            with_context([this](Context& context) { fence_watch.on_streams(context); });
            break;
        case Timers::Purpose::expiry:
            with_context([this](Context& context) { name_expiry.on_due(context); });
            break;
        case Timers::Purpose::scrape:
            metrics.on_deadline(due.id);
            break;
    }
}

void Service::Parts::settle() noexcept {
    for (std::size_t i = 0; i < registry.ending.size();) {
        if (Session* const session = registry.session(registry.ending[i])) {
            try {
                teardown.leave(*session);
            } catch (const std::exception& error) {
                registry.warn(session->account->lines, "the end of session {} is tried again: {}", session->id,
                              error.what());
                looks_again = true;
                ++i;
                continue;
            }
        }
        registry.ending.erase(registry.ending.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void Service::Parts::tidy(Context& context) {
    bool went = false;
    try {
        teardown.settle_context(context);
        const auto rest = context.rests_until() - std::chrono::steady_clock::now();
        if (rest.count() <= 0) {
            context.collect();
        }
        went = context.take_reclaimed();
        fence_watch.follow_streams(context);
        fence_watch.rearm(context);
        name_expiry.rearm(context);
        if (rest.count() > 0) {
            fence_watch.scan_later(context, rest);
        }
        returns.trim(context);
        if (went) {
            registry.debug("memory of '{}' that nobody holds any more is free: {} bytes in {} allocations are in use",
                           context.job(), context.allocations().bytes(), context.allocations().count());
            growth.pump(context);
            growth.tell_room();
        }
        teardown.forget(context);
    } catch (...) {
        went ? context.pump_later() : context.touch();
        throw;
    }
}

void Service::Parts::tidy() {
    while (!registry.touched.empty()) {
        Context* const context = registry.context(registry.touched.back());
        registry.touched.pop_back();
        if (context != nullptr && context->take_touched()) {
            tidy(*context);
        }
        settle();
    }
}

Service::Service(Options options, std::vector<std::shared_ptr<DeviceMemory>> devices)
    : parts_(std::make_unique<Parts>(std::move(options), std::move(devices))) {
    if (!metrics_address().empty()) {
        parts_->registry.info("metrics at http://{}/metrics", metrics_address());
    }
    parts_->registry.info("listening at {}", socket());
}

Service::~Service() = default;

void Service::run() {
    while (!parts_->stopping) {
        for (const epoll_event& event : parts_->registry.poller.wait(std::exchange(parts_->looks_again, false))) {
            try {
                parts_->serve(event);
            } catch (const std::exception& error) {
                parts_->registry.warn("an event could not be served: {}", error.what());
            }
            parts_->settle();
        }
        parts_->settle();
        try {
            parts_->tidy();
        } catch (const std::exception& error) {
            parts_->registry.warn("tidying failed: {}", error.what());
            parts_->looks_again = true;
        }
    }
}

void Service::stop() noexcept {
    parts_->stop.set();
}

const std::string& Service::socket() const noexcept {
    return parts_->listener.path();
}

std::string Service::metrics_address() const {
    return parts_->metrics.address();
}

}  // namespace fastio::service
