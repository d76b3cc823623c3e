#include "client/incoming.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "core/fail.hpp"
#include "device/process_limits.hpp"
#include "table/layout.hpp"

namespace fastio::detail {

void throw_failure(const wire::Failure& failure) {
    // What comes after a NUL nobody would see.
    const std::string_view bytes = wire::get_text(failure.message).value_or("");
    const std::string text{bytes.substr(0, bytes.find('\0'))};
    // A number that this build does not know would make an Error that nobody can name.
    const bool known = failure.code >= static_cast<std::int32_t>(Errc::invalid_argument) &&
                       failure.code <= static_cast<std::int32_t>(Errc::io_error);
    if (!known || text.empty()) {
        fail(Errc::protocol_error, "the service refused with error {} and the text '{}', which no service does",
             failure.code, text);
    }
    const auto code = static_cast<Errc>(failure.code);
    if ((failure.flags & wire::Failure::kMayPass) != 0) {
        throw RefusedForNow(code, text);
    }
    throw Error(code, text);
}

wire::HelloReply read_hello_reply(const wire::Packet& packet, const HostIdentity& here, std::string_view path) {
    if (const auto failure = packet.as<wire::Failure>()) {
        throw_failure(*failure);
    }
    const auto header = packet.header();
    if (header && header->kind == wire::Kind::hello_reply && packet.truncated) {
        fail(Errc::io_error,
             "connecting to '{}' failed: this process has no room for the descriptors that the service sent: raise the "
             "limit of {}",
             path, limit_of_open_files());
    }
    const auto reply = packet.as<wire::HelloReply>();
    if (!reply || packet.descriptor_count != wire::HelloReply::kDescriptors) {
        fail(Errc::protocol_error, "what listens at '{}' is not a Fast I/O service: it answered hello with {} bytes",
             path, packet.bytes);
    }
    if (reply->protocol_version != wire::kProtocolVersion || reply->layout_signature != table::layout_signature()) {
        fail(Errc::version_mismatch,
             "the service at '{}' (version {}) speaks protocol {} with table layout {:016x}, this client protocol {} "
             "with {:016x}: use client and service of one release",
             path, wire::get_text(reply->version).value_or("unknown"), reply->protocol_version, reply->layout_signature,
             wire::kProtocolVersion, table::layout_signature());
    }
    if (!std::equal(here.boot_id.begin(), here.boot_id.end(), std::begin(reply->boot_id))) {
        fail(Errc::incompatible_host,
             "the service at '{}' runs on another machine, or on this one before it was restarted: start fastiod here",
             path);
    }
    return *reply;
}

ReplyFault fault_of_reply(const wire::Packet& packet, std::uint64_t request) noexcept {
    const auto header = packet.header();
    if (!header || header->request != request) {
        return ReplyFault::other;
    }
    return packet.truncated ? ReplyFault::without_descriptors : ReplyFault::none;
}

std::optional<table::SlabRef> tell(const wire::Packet& packet, EventSink& sink) noexcept {
    if (const auto event = packet.as<wire::Event>()) {
        sink.event(*event);
    } else if (packet.as<wire::EventsLost>()) {
        sink.events_lost();
    } else if (const auto closing = packet.as<wire::SlabClosing>()) {
        const table::SlabRef slab{closing->index, closing->generation};
        return sink.slab_closing(slab) ? std::optional(slab) : std::nullopt;
    } else if (const auto ended = packet.as<wire::ContextEnded>()) {
        sink.context_ended(static_cast<Errc>(ended->reason));
    }
    // Anything else is of a later version of this protocol; hello has made sure that there is none.
    return std::nullopt;
}

std::optional<WatchEvent> to_watch_event(const wire::Event& event) {
    const bool known = event.type >= static_cast<std::uint32_t>(WatchEvent::Kind::published) &&
                       event.type <= static_cast<std::uint32_t>(WatchEvent::Kind::lost);
    if (!known) {
        return std::nullopt;
    }
    WatchEvent out;
    out.kind = static_cast<WatchEvent::Kind>(event.type);
    out.job = wire::get_text(event.job).value_or("");
    out.name = wire::get_text(event.name).value_or("");
    out.version = event.version;
    return out;
}

std::span<const std::uint32_t> watches_of(const wire::Event& event) noexcept {
    return {event.watches, std::min<std::size_t>(event.watch_count, wire::Event::kMaxWatches)};
}

}  // namespace fastio::detail
