#pragma once

#include "service/registry.hpp"
#include "wire/socket.hpp"

namespace fastio::service {

/// How connections become sessions: accept, hello, join.
class Admission {
public:
    /// Errors: io_error (the service's own pidfd).
    explicit Admission(Registry& registry);

    /// A fresh connection. One that cannot be served is dropped. Those that have not said hello yet are bounded: the
    /// oldest makes way.
    void admit(wire::Socket socket) noexcept;

    /// Errors: version_mismatch, incompatible_host, quota_exceeded, permission_denied, io_error; the connection then
    /// ends after the reply. Malformed for what no honest client sends.
    void hello(Session& session, wire::Packet& packet);
    /// Errors: invalid_argument, permission_denied, device_unavailable, out_of_memory, io_error.
    void join(Session& session, const wire::Join& message);

private:
    void check_version(const wire::Packet& packet) const;
    void make_way();
    [[nodiscard]] Context& context_for(Session& session, const wire::Join& message, std::uint32_t device);

    Registry& registry_;
    Descriptor own_pidfd_;
};

}  // namespace fastio::service
