#include "service/request_dispatcher.hpp"

#include <new>

#include "core/fail.hpp"
#include "core/names.hpp"
#include "service/malformed.hpp"
#include "service/user_limits.hpp"

namespace fastio::service {
namespace {

bool is_one_way(wire::Kind kind) noexcept {
    return kind == wire::Kind::attributes || kind == wire::Kind::release_hold || kind == wire::Kind::nudge ||
           kind == wire::Kind::copied || kind == wire::Kind::unwatch;
}

template <class Message>
Message take(const wire::Packet& packet) {
    const std::optional<Message> message = packet.as<Message>();
    if (!message) {
        throw Malformed{fmt::format("message of kind {} with {} bytes instead of {}", static_cast<int>(Message::kKind),
                                    packet.bytes, sizeof(Message))};
    }
    return *message;
}

}  // namespace

void RequestDispatcher::request(Session& session, wire::Packet& packet) noexcept {
    const wire::Header head = packet.header().value_or(wire::Header{});
    try {
        if (packet.truncated || !packet.header()) {
            throw Malformed{fmt::format("a packet of {} bytes that is no message", packet.bytes)};
        }
        dispatch(session, packet, head);
    } catch (const Malformed& malformed) {
        registry_.cut(session, malformed.what());
    } catch (const Error& error) {
        registry_.reply_error(session, head.request, error);
    } catch (const std::bad_alloc&) {
        registry_.reply_error(session, head.request, Errc::out_of_memory, "the service has no memory left for this");
    } catch (const std::exception& error) {
        registry_.reply_error(session, head.request, Errc::io_error, error.what());
    }
    if (session.stage == Session::Stage::greeting) {
        registry_.end(session, Session::End::hang_up);  // its hello failed: nothing else may follow
    }
}

void RequestDispatcher::event(Session& session, const wire::Packet& packet) noexcept {
    const std::optional<wire::SlabClosed> message = packet.as<wire::SlabClosed>();
    if (!message || packet.descriptor_count != 0 || session.stage != Session::Stage::member) {
        registry_.cut(session, "a packet on its event socket that is no slab_closed");
        return;
    }
    try {
        returns_.acknowledged(session, {message->index, message->generation});
    } catch (const std::exception& error) {
        registry_.warn(session.account->lines, "an acknowledgement of session {} failed: {}", session.id, error.what());
    }
}

void RequestDispatcher::dispatch(Session& session, wire::Packet& packet, const wire::Header& head) {
    if (session.stage == Session::Stage::greeting) {
        admission_.hello(session, packet);
        return;
    }
    if (packet.descriptor_count != 0) {
        throw Malformed{fmt::format("message of kind {} with {} descriptors", static_cast<int>(head.kind),
                                    packet.descriptor_count)};
    }
    if (!is_one_way(head.kind)) {
        if (session.waiting) {
            throw Malformed{
                fmt::format("message of kind {} before the reply to its last one", static_cast<int>(head.kind))};
        }
        ++registry_.requests;
    }
    if (session.stage == Session::Stage::member && dispatch_member(session, packet, head.kind)) {
        return;
    }
    if (!dispatch_visitor(session, packet, head.kind)) {
        throw Malformed{fmt::format("message of unknown kind {}, or not its turn", static_cast<int>(head.kind))};
    }
}

bool RequestDispatcher::dispatch_member(Session& session, const wire::Packet& packet, wire::Kind kind) {
    switch (kind) {
        case wire::Kind::bye:
            answer(session, take<wire::Bye>(packet));
            return true;
        case wire::Kind::segment:
            answer(session, take<wire::Segment>(packet));
            return true;
        case wire::Kind::slab:
            answer(session, take<wire::Slab>(packet));
            return true;
        case wire::Kind::grant_leases:
            answer(session, take<wire::GrantLeases>(packet));
            return true;
        case wire::Kind::grant_fences:
            fence_watch_.grant(session, take<wire::GrantFences>(packet));
            return true;
        case wire::Kind::create:
            answer(session, take<wire::Create>(packet));
            return true;
        case wire::Kind::attributes:
            answer(session, take<wire::AttributesPart>(packet));
            return true;
        case wire::Kind::publish:
            answer(session, take<wire::Publish>(packet));
            return true;
        case wire::Kind::unpublish:
            answer(session, take<wire::Unpublish>(packet));
            return true;
        case wire::Kind::release_hold:
            answer(session, take<wire::ReleaseHold>(packet));
            return true;
        case wire::Kind::free:
            answer(session, take<wire::Free>(packet));
            return true;
        case wire::Kind::nudge:
            answer(session, take<wire::Nudge>(packet));
            return true;
        case wire::Kind::copied:
            answer(session, take<wire::Copied>(packet));
            return true;
        case wire::Kind::context_stats:
            answer(session, take<wire::ContextStatsRequest>(packet));
            return true;
        default:
            return false;
    }
}

bool RequestDispatcher::dispatch_visitor(Session& session, const wire::Packet& packet, wire::Kind kind) {
    switch (kind) {
        case wire::Kind::join:
            if (session.stage != Session::Stage::visitor) {
                return false;
            }
            answer(session, take<wire::Join>(packet));
            return true;
        case wire::Kind::watch:
            answer(session, take<wire::Watch>(packet));
            return true;
        case wire::Kind::unwatch:
            answer(session, take<wire::Unwatch>(packet));
            return true;
        case wire::Kind::totals:
            inspector_.answer(session, take<wire::TotalsRequest>(packet));
            return true;
        case wire::Kind::list_contexts:
            inspector_.answer(session, take<wire::ListContexts>(packet));
            return true;
        case wire::Kind::list_sessions:
            inspector_.answer(session, take<wire::ListSessions>(packet));
            return true;
        case wire::Kind::list_allocations:
            inspector_.answer(session, take<wire::ListAllocations>(packet));
            return true;
        case wire::Kind::list_operators:
            inspector_.answer(session, take<wire::ListOperators>(packet));
            return true;
        case wire::Kind::list_publications:
            inspector_.answer(session, take<wire::ListPublications>(packet));
            return true;
        case wire::Kind::admin_unpublish:
            answer(session, take<wire::AdminUnpublish>(packet));
            return true;
        case wire::Kind::end_context:
            answer(session, take<wire::EndContext>(packet));
            return true;
        default:
            return false;
    }
}

void RequestDispatcher::answer(Session& session, const wire::Join& message) {
    admission_.join(session, message);
}

void RequestDispatcher::answer(Session& session, const wire::Bye& message) {
    registry_.end(session, Session::End::bye);  // also where nobody waits for the answer any more
    registry_.reply_ok(session, message.header.request);
}

void RequestDispatcher::answer(Session& session, const wire::Segment& message) {
    const auto kind = static_cast<table::SegmentKind>(message.segment_kind);
    const table::TableWriter::SegmentFile file = session.context->writer().segment(kind, message.ordinal);
    if (file.fd < 0) {
        fail(Errc::not_found, "the table of '{}' has no segment {} of kind {}", session.context->job(), message.ordinal,
             message.segment_kind);
    }
    wire::SegmentReply reply{};
    reply.bytes = file.bytes;
    registry_.reply(session, message.header.request, reply, {&file.fd, 1});
}

void RequestDispatcher::answer(Session& session, const wire::Slab& message) {
    const table::SlabRef ref{message.index, message.generation};
    std::uint32_t device = 0;
    const SlabPool::Slab* slab = nullptr;
    for (const SlabPool& pool : session.context->pools()) {
        if ((slab = pool.find(ref)) != nullptr) {
            break;
        }
        ++device;
    }
    if (slab == nullptr) {
        fail(Errc::not_found, "'{}' has no slab {} of generation {}: it went back to its device",
             session.context->job(), ref.index, ref.generation);
    }
    wire::SlabReply reply{};
    reply.handle = slab->memory.handle;
    reply.bytes = slab->memory.bytes;
    reply.device = device;
    const int file = slab->memory.file.get();
    registry_.reply(session, message.header.request, reply, {&file, file >= 0 ? std::size_t{1} : 0});
}

void RequestDispatcher::answer(Session& session, const wire::GrantLeases& message) {
    check_leases(registry_, session.uid);
    if (!session.leases->grant()) {
        fail(Errc::lease_limit,
             "this client has {} leases, as many as it may: release some, or raise fastiod's --max-leases",
             session.leases->granted_chunks() * table::kLeasesPerChunk);
    }
    wire::GrantReply reply{};
    reply.granted_chunks = session.leases->granted_chunks();
    registry_.reply(session, message.header.request, reply);
}

void RequestDispatcher::answer(Session& session, const wire::Create& message) {
    growth_.create(session, message);
}

void RequestDispatcher::answer(Session& session, const wire::AttributesPart& message) {
    if (message.offset == 0) {
        session.attributes.clear();
    }
    if (message.offset != session.attributes.size() || message.bytes > sizeof(message.data) ||
        message.offset + message.bytes > kMaxAttributeBytes) {
        throw Malformed{fmt::format("{} bytes of attributes at {} after {}", message.bytes, message.offset,
                                    session.attributes.size())};
    }
    session.attributes.insert(session.attributes.end(), message.data, message.data + message.bytes);
}

void RequestDispatcher::answer(Session& session, const wire::Publish& message) {
    wire::PublishReply reply{};
    reply.version = session.context->publish(session, *session.account, message);
    watch_over(*session.context, message);
    registry_.reply(session, message.header.request, reply);
    registry_.debug(session, "published '{}' as version {} of allocation {}.{}{}", text_of(message.name), reply.version,
                    message.slot, message.generation, message.fence_value == 0 ? "" : " behind its stream");
}

void RequestDispatcher::watch_over(Context& context, const wire::Publish& published) noexcept {
    try {
        if (published.fence_value != 0) {
            fence_watch_.rearm(context);
        }
        if (published.time_to_live_ns != 0) {
            name_expiry_.rearm(context);
        }
    } catch (const std::bad_alloc&) {
        context.touch();  // it is published: tidying arms what could not be armed now
    }
}

void RequestDispatcher::answer(Session& session, const wire::Unpublish& message) {
    session.context->unpublish(text_of(message.name), message.version);
    registry_.reply_ok(session, message.header.request);
    registry_.debug(session, "unpublished '{}'", text_of(message.name));
}

void RequestDispatcher::answer(Session& session, const wire::ReleaseHold& message) {
    session.context->release_hold(session, {message.slot, message.generation});
    registry_.debug(session, "gave up allocation {}.{} without publishing it", message.slot, message.generation);
}

void RequestDispatcher::answer(Session& session, const wire::Free& message) {
    session.context->free(session, message);
    registry_.reply_ok(session, message.header.request);
    registry_.debug(session, "freed allocation {}.{}", message.slot, message.generation);
}

void RequestDispatcher::answer(Session& session, const wire::Nudge& message) {
    session.context->nudge({message.slot, message.generation});
}

void RequestDispatcher::answer(Session& session, const wire::Copied& message) {
    session.context->operators().copied(session.operator_number, message.bytes);
}

void RequestDispatcher::answer(Session& session, const wire::Watch& message) {
    const std::string_view prefix = text_of(message.prefix);
    if (message.all_contexts != 0) {
        registry_.watchers.add_for_all(session, message.id, prefix, registry_.sees_everything(session));
    } else if (session.context != nullptr) {
        registry_.watchers.add_for_context(session, message.id, prefix, session.context->id());
    } else {
        fail(Errc::invalid_argument, "watch of '{}' failed: this client has joined no context; ask for all of them",
             prefix);
    }
    registry_.reply_ok(session, message.header.request);
}

void RequestDispatcher::answer(Session& session, const wire::Unwatch& message) {
    registry_.watchers.remove(session, message.id);
}

void RequestDispatcher::answer(Session& session, const wire::ContextStatsRequest& message) {
    wire::ContextStatsReply reply = inspector_.stats(*session.context);
    registry_.reply(session, message.header.request, reply);
}

void RequestDispatcher::answer(Session& session, const wire::AdminUnpublish& message) {
    inspector_.job(session, text_of(message.job)).unpublish(text_of(message.name));
    registry_.reply_ok(session, message.header.request);
    registry_.debug(session, "unpublished '{}' of '{}'", text_of(message.name), text_of(message.job));
}

void RequestDispatcher::answer(Session& session, const wire::EndContext& message) {
    registry_.debug(session, "ends the context '{}'", text_of(message.job));
    teardown_.end_context(inspector_.job(session, text_of(message.job)));
    registry_.reply_ok(session, message.header.request);
}

}  // namespace fastio::service
