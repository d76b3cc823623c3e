#pragma once

#include <optional>
#include <span>
#include <string_view>

#include <fastio/watch.hpp>

#include "client/listener.hpp"
#include "device/host_identity.hpp"
#include "wire/socket.hpp"

/// What a client makes of the packets that a service, or whoever answers in its place, sends. Their bytes are all that
/// counts here; the sockets are Connection's and Listener's.
namespace fastio::detail {

/// What was short may be there later: wire::Failure::kMayPass.
class RefusedForNow : public Error {
    using Error::Error;
};

/// Errors: the one that the service names; protocol_error where it names none.
[[noreturn]] void throw_failure(const wire::Failure& failure);

/// The answer to hello. Errors: those that the service names; protocol_error (no service answers so),
/// version_mismatch, incompatible_host, io_error (no room for its descriptors).
[[nodiscard]] wire::HelloReply read_hello_reply(const wire::Packet& packet, const HostIdentity& here,
                                                std::string_view path);

enum class ReplyFault {
    none,
    without_descriptors,  ///< this process had no room for them
    other,                ///< no reply to this request
};
[[nodiscard]] ReplyFault fault_of_reply(const wire::Packet& packet, std::uint64_t request) noexcept;

/// Tells the sink what came on the event socket. The slab that the service is to be told of, where one was unmapped.
std::optional<table::SlabRef> tell(const wire::Packet& packet, EventSink& sink) noexcept;

/// Empty for a kind that there is not. Errors: none but std::bad_alloc.
[[nodiscard]] std::optional<WatchEvent> to_watch_event(const wire::Event& event);
/// The ids that are there, whatever it says of their number.
[[nodiscard]] std::span<const std::uint32_t> watches_of(const wire::Event& event) noexcept;

}  // namespace fastio::detail
