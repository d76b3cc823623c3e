#include "service/teardown.hpp"

#include <algorithm>
#include <new>

#include "core/fail.hpp"

namespace fastio::service {
namespace {

std::chrono::nanoseconds grace_of(const Devices& devices) {
    std::chrono::nanoseconds grace{0};
    for (std::uint32_t index = 0; index < devices.count(); ++index) {
        grace = std::max(grace, devices[index].memory->info().reuse_grace);
    }
    return grace;
}

/// Out of the poller first: a child of an embedded service's process may have a copy, which would keep the descriptor's
/// registration alive after our close.
void close_watched(Poller& poller, Descriptor& descriptor) noexcept {
    if (descriptor) {
        poller.remove(descriptor.get());
        descriptor.reset();
    }
}

}  // namespace

void Teardown::leave(Session& session) {
    if (session.stage == Session::Stage::quarantined) {
        pass_gate(session);
        return;
    }
    if (session.stage != Session::Stage::member) {
        say_goodbye(session);
        stop_watching(session);
        registry_.sessions.erase(session.id);
        return;
    }
    growth_.withdraw(session);
    if (session.end == Session::End::bye) {
        finalise(session);
    } else {
        quarantine(session);
    }
}

void Teardown::say_goodbye(Session& session) {
    if (session.end == Session::End::cut) {
        registry_.warn(session.account->lines, "session {} ({}, process {}, user {}) is cut: {}", session.id,
                       session.name, session.pid, session.uid, session.end_reason);
    }
    if (session.joined()) {
        tell(session, WatchEvent::Kind::session_left);
    }
    registry_.watchers.remove_all(session);
}

void Teardown::quarantine(Session& session) {
    fence_watch_.producer_died(session);
    // From here on nothing fails but passing the gate, which is tried again.
    session.stage = Session::Stage::quarantined;
    say_goodbye(session);
    hang_up(session);
    session.attributes = {};
    session.waiting = false;
    try {
        registry_.info(session.account->lines, "session {} ({}) of '{}' is quarantined: {}", session.id, session.name,
                       session.context->job(), reason(session));
    } catch (const std::bad_alloc&) {  // of the reason
    }
    pass_gate(session);
}

void Teardown::on_exit(Session& session) {
    close_watched(registry_.poller, session.pidfd);
    session.exited = true;
    registry_.look_again_at(session);
}

void Teardown::on_lifeline_end(Session& session) {
    close_watched(registry_.poller, session.lifeline);
    session.lifeline_ended = true;
    registry_.look_again_at(session);
}

void Teardown::pass_gate(Session& session) {
    if (!session.exited || !session.lifeline_ended || session.grace) {
        return;
    }
    const std::chrono::nanoseconds grace = grace_of(registry_.devices);
    if (grace.count() > 0 && !session.grace_is_over) {
        session.grace = registry_.timers.add(grace, {Timers::Purpose::grace, session.id});
    } else {
        finalise(session);
    }
}

void Teardown::on_grace(Session& session) {
    session.grace.reset();
    session.grace_is_over = true;
    registry_.look_again_at(session);
}

void Teardown::finalise(Session& session) {
    Context& context = *session.context;
    fence_watch_.producer_gone(session);
    // From here on nothing fails.
    if (session.stage == Session::Stage::member) {
        say_goodbye(session);
    }
    registry_.info(session.account->lines, "session {} ({}) of '{}' is over", session.id, session.name, context.job());
    returns_.forget(session);
    context.remove_member(session);
    --session.account->sessions;
    stop_watching(session);
    registry_.sessions.erase(session.id);
}

void Teardown::hang_up(Session& session) noexcept {
    if (session.request) {
        registry_.poller.remove(session.request.fd());
        if (session.was_sent_descriptors && has_unread(session.request)) {
            registry_.unread.keep(session.uid, session.request);
        } else {
            registry_.foreign.close(session.uid, session.request);
        }
    }
    if (session.events.socket()) {
        registry_.poller.remove(session.events.socket().fd());
        registry_.foreign.close(session.uid, session.events.socket());
        session.events.close();
    }
}

void Teardown::stop_watching(Session& session) noexcept {
    hang_up(session);
    close_watched(registry_.poller, session.pidfd);
    close_watched(registry_.poller, session.lifeline);
}

void Teardown::settle_context(Context& context) {
    if (!context.members().empty() || context.ended() || context.persistent() || context.linger) {
        return;
    }
    if (registry_.options.linger.count() > 0) {
        context.linger = registry_.timers.add(registry_.options.linger, {Timers::Purpose::linger, context.id()});
        return;
    }
    end_context(context);
}

void Teardown::on_linger(Context& context) {
    context.linger.reset();
    context.touch();  // where its end fails it lingers once more
    if (context.members().empty() && !context.ended() && !context.persistent()) {
        end_context(context);
    }
}

void Teardown::end_contexts_of_lost_devices() {
    for (std::uint32_t index = 0; index < registry_.devices.count(); ++index) {
        Device& device = registry_.devices[index];
        if (device.lost || !device.memory->is_lost()) {
            continue;
        }
        device.lost = true;
        registry_.warn("the device {} was lost: the contexts on it end", device.name());
        for (const auto& [id, context] : registry_.contexts) {
            if (context->uses(index)) {
                end_context(*context, Errc::device_unavailable);
            }
        }
    }
}

void Teardown::end_context(Context& context, Errc reason) {
    if (context.ended()) {
        return;
    }
    if (context.linger) {
        registry_.timers.cancel(*context.linger);
        context.linger.reset();
    }
    registry_.jobs.erase(context.job());
    context.end(reason);
    registry_.info(registry_.lines_of(context.uid()), "context '{}' has ended", context.job());
    for (const auto& [id, member] : context.members()) {
        member->events.tell_context_ended(reason, registry_.poller);
    }
    growth_.pump(context);  // what waits fails with context_closed
}

bool Teardown::forget(Context& context) {
    if (!context.ended() || !context.members().empty() || context.releasing != 0 || !context.closing.empty() ||
        std::find(context.growing.begin(), context.growing.end(), true) != context.growing.end() ||
        !std::all_of(context.pools().begin(), context.pools().end(), [](const auto& pool) { return pool.empty(); })) {
        return false;
    }
    registry_.contexts.erase(context.id());
    return true;
}

void Teardown::tell(const Session& session, WatchEvent::Kind kind) {
    const Context& context = *session.context;
    registry_.watchers.tell({kind, context.id(), context.uid(), context.job(), session.name, 0});
}

std::string Teardown::reason(const Session& session) {
    std::string why;
    if (session.end == Session::End::cut) {
        why = fmt::format("cut: {}; ", session.end_reason);
    } else if (!session.exited) {
        why = fmt::format("process {} hung up without a bye; ", session.pid);
    }
    if (!session.exited) {
        return why + fmt::format("waiting for process {} to exit", session.pid);
    }
    why += fmt::format("process {} exited; ", session.pid);
    return why + (session.lifeline_ended ? "waiting for the grace period of its devices"
                                         : "its lifeline is still held by a forked child");
}

}  // namespace fastio::service
