#include "all_messages.hpp"

#include <cstring>

namespace fastio::test {
namespace {

template <class Message>
std::vector<std::byte> send(wire::Socket& socket, const std::vector<std::byte>& content) {
    Message message;
    std::memcpy(&message, content.data(), sizeof(Message));
    if (socket.send(message) != wire::SendResult::sent) {
        return {};
    }
    std::vector<std::byte> sent(sizeof(Message));
    std::memcpy(sent.data(), &message, sizeof(Message));
    return sent;
}

template <class Message>
std::optional<std::vector<std::byte>> read(const wire::Packet& packet) {
    const std::optional<Message> message = packet.as<Message>();
    if (!message) {
        return std::nullopt;
    }
    std::vector<std::byte> bytes(sizeof(Message));
    std::memcpy(bytes.data(), &*message, sizeof(Message));
    return bytes;
}

template <class Message>
MessageType type_named(const char* name) {
    return {name, Message::kKind, sizeof(Message), send<Message>, read<Message>};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const MessageType& type) {
    return out << type.name;
}

const std::vector<MessageType>& all_messages() {
    using namespace wire;
    static const std::vector<MessageType> types{
        type_named<Failure>("Failure"),
        type_named<Ok>("Ok"),
        type_named<Hello>("Hello"),
        type_named<HelloReply>("HelloReply"),
        type_named<Join>("Join"),
        type_named<JoinReply>("JoinReply"),
        type_named<Bye>("Bye"),
        type_named<Segment>("Segment"),
        type_named<SegmentReply>("SegmentReply"),
        type_named<Slab>("Slab"),
        type_named<SlabReply>("SlabReply"),
        type_named<GrantLeases>("GrantLeases"),
        type_named<GrantReply>("GrantReply"),
        type_named<GrantFences>("GrantFences"),
        type_named<FencesReply>("FencesReply"),
        type_named<Create>("Create"),
        type_named<CreateReply>("CreateReply"),
        type_named<AttributesPart>("AttributesPart"),
        type_named<Publish>("Publish"),
        type_named<PublishReply>("PublishReply"),
        type_named<Unpublish>("Unpublish"),
        type_named<ReleaseHold>("ReleaseHold"),
        type_named<Free>("Free"),
        type_named<Nudge>("Nudge"),
        type_named<Copied>("Copied"),
        type_named<Watch>("Watch"),
        type_named<Unwatch>("Unwatch"),
        type_named<ContextStatsRequest>("ContextStatsRequest"),
        type_named<ContextStatsReply>("ContextStatsReply"),
        type_named<TotalsRequest>("TotalsRequest"),
        type_named<TotalsReply>("TotalsReply"),
        type_named<ListContexts>("ListContexts"),
        type_named<ListSessions>("ListSessions"),
        type_named<ListAllocations>("ListAllocations"),
        type_named<ListPublications>("ListPublications"),
        type_named<ListOperators>("ListOperators"),
        type_named<ContextRow>("ContextRow"),
        type_named<SessionRow>("SessionRow"),
        type_named<AllocationRow>("AllocationRow"),
        type_named<PublicationRow>("PublicationRow"),
        type_named<OperatorRow>("OperatorRow"),
        type_named<AdminUnpublish>("AdminUnpublish"),
        type_named<EndContext>("EndContext"),
        type_named<Event>("Event"),
        type_named<EventsLost>("EventsLost"),
        type_named<SlabClosing>("SlabClosing"),
        type_named<SlabClosed>("SlabClosed"),
        type_named<ContextEnded>("ContextEnded"),
    };
    return types;
}

}  // namespace fastio::test
