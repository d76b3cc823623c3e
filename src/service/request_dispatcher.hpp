#pragma once

#include "service/admission.hpp"
#include "service/fence_watch.hpp"
#include "service/growth.hpp"
#include "service/inspector.hpp"
#include "service/name_expiry.hpp"
#include "service/registry.hpp"
#include "service/teardown.hpp"
#include "wire/socket.hpp"

namespace fastio::service {

/// Takes each message of a client to whoever answers it. A request that fails is answered with the error; a message
/// that no honest client sends (wrong size, unknown kind, descriptors where none belong, not its turn) cuts the
/// session.
class RequestDispatcher {
public:
    RequestDispatcher(Registry& registry, Admission& admission, Growth& growth, SlabReturns& returns,
                      FenceWatch& fence_watch, NameExpiry& name_expiry, Teardown& teardown, Inspector& inspector)
        : registry_(registry),
          admission_(admission),
          growth_(growth),
          returns_(returns),
          fence_watch_(fence_watch),
          name_expiry_(name_expiry),
          teardown_(teardown),
          inspector_(inspector) {}

    /// One packet from the request socket. Never throws.
    void request(Session& session, wire::Packet& packet) noexcept;
    /// One packet from the event socket. Never throws.
    void event(Session& session, const wire::Packet& packet) noexcept;

private:
    void dispatch(Session& session, wire::Packet& packet, const wire::Header& head);
    [[nodiscard]] bool dispatch_member(Session& session, const wire::Packet& packet, wire::Kind kind);
    [[nodiscard]] bool dispatch_visitor(Session& session, const wire::Packet& packet, wire::Kind kind);

    void answer(Session& session, const wire::Join& message);
    void answer(Session& session, const wire::Bye& message);
    void answer(Session& session, const wire::Segment& message);
    void answer(Session& session, const wire::Slab& message);
    void answer(Session& session, const wire::GrantLeases& message);
    void answer(Session& session, const wire::Create& message);
    void answer(Session& session, const wire::AttributesPart& message);
    void answer(Session& session, const wire::Publish& message);
    void answer(Session& session, const wire::Unpublish& message);
    void answer(Session& session, const wire::ReleaseHold& message);
    void answer(Session& session, const wire::Free& message);
    void answer(Session& session, const wire::Nudge& message);
    void answer(Session& session, const wire::Copied& message);
    void answer(Session& session, const wire::Watch& message);
    void answer(Session& session, const wire::Unwatch& message);
    void answer(Session& session, const wire::ContextStatsRequest& message);
    void answer(Session& session, const wire::AdminUnpublish& message);
    void answer(Session& session, const wire::EndContext& message);

    /// The timers that a publication may need.
    void watch_over(Context& context, const wire::Publish& published) noexcept;

    Registry& registry_;
    Admission& admission_;
    Growth& growth_;
    SlabReturns& returns_;
    FenceWatch& fence_watch_;
    NameExpiry& name_expiry_;
    Teardown& teardown_;
    Inspector& inspector_;
};

}  // namespace fastio::service
