#pragma once

#include <string>

#include "service/fence_watch.hpp"
#include "service/growth.hpp"
#include "service/registry.hpp"

namespace fastio::service {

/// How sessions and contexts end (design P3).
///
/// A member that says bye is finalised at once. Any other end of a member starts its quarantine: its socket is closed,
/// its leases and holds count on. It is finalised when its process has exited, its lifeline has ended and its devices'
/// grace has passed, all three told by descriptors. A visitor is forgotten at once.
class Teardown {
public:
    Teardown(Registry& registry, Growth& growth, SlabReturns& returns, FenceWatch& fence_watch)
        : registry_(registry), growth_(growth), returns_(returns), fence_watch_(fence_watch) {}

    /// Carries out the end that the session is marked with, as far as it has come. Where it throws it can be called
    /// again, and goes on where it was.
    void leave(Session& session);
    /// Its pidfd fired. While it is connected the session is ended by whoever has served what it had sent.
    void on_exit(Session& session);
    /// Nobody has the client's end of its lifeline open any more.
    void on_lifeline_end(Session& session);
    void on_grace(Session& session);

    /// Something happened in the context: ends it if nothing keeps it, or lets it linger. May be called again.
    void settle_context(Context& context);
    void on_linger(Context& context);
    /// Ends the context now; its job's name is free. Its members' calls fail with `reason` from then on.
    void end_context(Context& context, Errc reason = Errc::context_closed);
    /// Ends the contexts that use a device which was lost since the last look.
    void end_contexts_of_lost_devices();
    /// Forgets a context of which nothing is left. The reference is dead when this returns true.
    bool forget(Context& context);

    /// Why a quarantined session ended, and what it waits for.
    [[nodiscard]] static std::string reason(const Session& session);

private:
    void say_goodbye(Session& session);
    void quarantine(Session& session);
    void pass_gate(Session& session);
    void finalise(Session& session);
    void hang_up(Session& session) noexcept;
    void stop_watching(Session& session) noexcept;
    void tell(const Session& session, WatchEvent::Kind kind);

    Registry& registry_;
    Growth& growth_;
    SlabReturns& returns_;
    FenceWatch& fence_watch_;
};

}  // namespace fastio::service
