// What a service, or whoever answers in its place, says to a client: byte 0 is the packet's shape, byte 1 the request
// that the client waits for, the rest the packet.
#include "client/incoming.hpp"
#include "client/service_rows.hpp"
#include "core/attributes.hpp"
#include "packets.hpp"
#include "table/layout.hpp"

namespace {

using fastio::Errc;
using namespace fastio::fuzz;
namespace detail = fastio::detail;
namespace wire = fastio::wire;

/// In the packet's shape: what stands where a hello's reply has the layout's signature is right.
constexpr std::uint8_t kSigned = 8;

class Sink final : public detail::EventSink {
public:
    bool slab_closing(fastio::table::SlabRef slab) noexcept override { return slab.index % 2 == 0; }
    void event(const wire::Event& event) noexcept override {
        if (const auto known = detail::to_watch_event(event)) {
            require(known->job.size() <= sizeof(event.job.data) && known->name.size() <= sizeof(event.name.data),
                    "texts stay inside their fields");
        }
        for (const std::uint32_t& id : detail::watches_of(event)) {
            require(&id >= std::begin(event.watches) && &id < std::end(event.watches), "ids stay inside their field");
        }
    }
    void events_lost() noexcept override {}
    void context_ended(Errc) noexcept override {}
    void session_lost() noexcept override { require(false, "a packet is not the end of the session"); }
    void service_lost() noexcept override { require(false, "a packet is not the end of the service"); }
};

/// A type takes a packet that is exactly one of its messages, and no other type takes it too: one of those, by number,
/// is asked as well.
void read_as_its_type(const wire::Packet& packet, std::size_t other) {
    const std::optional<wire::Header> header = packet.header();
    const auto& all = fastio::test::all_messages();
    int types = 0;
    for (const fastio::test::MessageType& type : all) {
        if (&type != &all[other % all.size()] && (!header || header->kind != type.kind)) {
            continue;
        }
        const bool fits = header && !packet.truncated && header->kind == type.kind && packet.bytes == type.bytes;
        const auto message = type.read(packet);
        require(message.has_value() == fits, "a message is taken if kind and size are its own");
        require(!message || std::memcmp(message->data(), packet.data.data(), message->size()) == 0, "it is what came");
        types += fits ? 1 : 0;
    }
    require(types <= 1, "a packet is one message at most");
}

template <class Row>
void read_row(const wire::Packet& packet) {
    if (const auto row = packet.as<Row>()) {
        static_cast<void>(detail::to_info(*row));
    }
}

void read_rows(const wire::Packet& packet) {
    read_row<wire::ContextRow>(packet);
    read_row<wire::SessionRow>(packet);
    read_row<wire::AllocationRow>(packet);
    read_row<wire::PublicationRow>(packet);
    read_row<wire::OperatorRow>(packet);
    if (const auto reply = packet.as<wire::TotalsReply>()) {
        static_cast<void>(detail::to_totals(*reply));
    }
    if (const auto part = packet.as<wire::AttributesPart>()) {
        // As they stand in the table, and as somebody might publish them.
        const std::string text(reinterpret_cast<const char*>(part->data), sizeof(part->data));
        const std::size_t middle = std::min<std::size_t>(part->offset, text.size());
        attempt({Errc::invalid_argument}, [&] {
            const fastio::Attributes pair{{text.substr(0, middle), text.substr(middle)},
                                          {"again", text + text.substr(middle)}};
            require(fastio::decode_attributes(fastio::encode_attributes(pair)) == pair, "what is encoded is decoded");
        });
        const auto bytes = std::span(part->data).first(std::min<std::size_t>(part->bytes, sizeof(part->data)));
        attempt({Errc::corrupt_input}, [&] {
            const fastio::Attributes attributes = fastio::decode_attributes(bytes);
            const std::vector<std::byte> again = fastio::encode_attributes(attributes);
            require(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()), "they have one encoding");
        });
    }
}

/// A refusal is an exception, which costs more than all the rest: of the packets that are no answer to a hello one in
/// 16 is taken for one.
bool asked_hello(const wire::Packet& packet, std::uint8_t request) {
    const auto header = packet.header();
    return request % 16 == 0 ||
           (header && (header->kind == wire::HelloReply::kKind || header->kind == wire::Failure::kKind));
}

void read_hello_reply(const wire::Packet& packet) {
    static const fastio::HostIdentity here;
    try {
        const wire::HelloReply reply = detail::read_hello_reply(packet, here, "socket");
        require(reply.protocol_version == wire::kProtocolVersion, "the service speaks this version");
    } catch (const fastio::Error& error) {
        require(error.what()[0] != '\0', "an error has a text");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static wire::Packet packet;
    Input input(data, bytes);
    const auto shape = input.take<std::uint8_t>();
    const auto request = input.take<std::uint8_t>();
    fill(packet, shape, input.take_bytes(input.size()));
    if ((shape & kSigned) != 0) {
        const std::uint64_t signature = fastio::table::layout_signature();
        std::memcpy(packet.data.data() + offsetof(wire::HelloReply, layout_signature), &signature, sizeof(signature));
    }

    read_as_its_type(packet, request);
    const detail::ReplyFault fault = detail::fault_of_reply(packet, request);
    require(fault != detail::ReplyFault::none || packet.header()->request == request, "a reply is to the request");
    if (asked_hello(packet, request)) {
        read_hello_reply(packet);
    }
    Sink sink;
    const auto closed = detail::tell(packet, sink);
    require(!closed || packet.header()->kind == wire::Kind::slab_closing, "only what closes is acknowledged");
    read_rows(packet);
    return 0;
}
