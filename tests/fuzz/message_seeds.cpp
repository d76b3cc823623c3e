#include <vector>

#include "core/attributes.hpp"
#include "packets.hpp"
#include "seeds.hpp"

namespace fastio::fuzz {
namespace {

using namespace wire;

std::size_t type_number(Kind kind) {
    const auto& types = test::all_messages();
    const auto found = std::ranges::find(types, kind, &test::MessageType::kind);
    return static_cast<std::size_t>(found - types.begin());
}

/// The fields of a message without the zeros at its end.
template <class Message>
std::string fields_of(const Message& message) {
    std::string bytes(reinterpret_cast<const char*>(&message), sizeof(message));
    bytes.erase(0, sizeof(Header));
    return bytes.substr(0, bytes.find_last_not_of('\0') + 1);
}

template <class Message>
Seed packet(const Message& message, unsigned shape, unsigned request = 0) {
    Header header;
    header.kind = Message::kKind;
    header.request = request;
    return Seed()
        .u8(shape | PacketShape::kMended | PacketShape::kSized)
        .u8(request)
        .put(header)
        .bytes(fields_of(message));
}

/// The commands of service_messages.cpp.
class Conversation {
public:
    explicit Conversation(unsigned options) { seed_.u8(options); }
    Conversation& command(unsigned what, unsigned client = 0) {
        seed_.u8(what + 64 * client);
        return *this;
    }
    Conversation& hello(unsigned client = 0, unsigned given = 0, unsigned offset = 0, std::string_view other = {}) {
        command(1, client);
        seed_.u16(offset).u8(static_cast<unsigned>(other.size())).bytes(other).u8(given);
        return *this;
    }
    Conversation& join(unsigned client = 0, unsigned job = 0, unsigned offset = 0, std::string_view other = {}) {
        read(client).command(2, client);
        seed_.u8(job).u16(offset).u8(static_cast<unsigned>(other.size())).bytes(other);
        return *this;
    }
    template <class Message>
    Conversation& say(const Message& message, unsigned client = 0) {
        command(12, client);
        const std::string fields = fields_of(message);
        seed_.u8(static_cast<unsigned>(type_number(Message::kKind))).u16(static_cast<unsigned>(fields.size()));
        seed_.bytes(fields);
        return *this;
    }
    Conversation& lease(unsigned entry, unsigned slot, unsigned generation, unsigned client = 0) {
        command(4, client);
        seed_.u16(entry).u8(slot).u8(generation);
        return *this;
    }
    Conversation& raw(unsigned shape, std::string_view bytes, unsigned client = 0) {
        command(0, client);
        seed_.u8(shape).u16(static_cast<unsigned>(bytes.size())).bytes(bytes);
        return *this;
    }
    Conversation& slab_closed(unsigned index, unsigned generation, unsigned shape = 0, unsigned client = 0) {
        command(3, client);
        seed_.u8(shape).u8(index).u8(generation).u16(0).u8(0);
        return *this;
    }
    Conversation& device() { return command(7); }
    Conversation& tidy() { return command(8); }
    Conversation& read(unsigned client = 0) { return command(9, client); }
    [[nodiscard]] const std::string& str() const noexcept { return seed_.str(); }

private:
    Seed seed_;
};

Create create(std::uint64_t size) {
    Create message;
    message.size = size;
    return message;
}

Publish publish(std::string_view name, std::uint32_t slot, std::uint32_t lease, std::int64_t bytes) {
    Publish message;
    message.slot = slot;
    message.generation = 1;
    message.lease = lease;
    set_text(message.name, name);
    message.type_code = 1;
    message.type_bits = 8;
    message.type_lanes = 1;
    message.rank = 1;
    message.extents[0] = bytes;
    return message;
}

template <class Message>
Message numbered(std::uint32_t slot, std::uint32_t generation) {
    Message message;
    message.slot = slot;
    message.generation = generation;
    return message;
}

template <class Message>
Message of_job(std::string_view job) {
    Message message;
    set_text(message.job, job);
    return message;
}

AttributesPart attributes_part(std::uint32_t offset) {
    const std::vector<std::byte> encoded = encode_attributes({{"unit", "mm"}, {"view", "axial"}});
    AttributesPart part;
    part.offset = offset;
    part.bytes = static_cast<std::uint32_t>(encoded.size());
    std::copy(encoded.begin(), encoded.end(), part.data);
    return part;
}

void write_life_seed(const std::filesystem::path& folder) {
    Conversation talk(0);
    talk.hello().join().read().hello(1).join(1).read(1);
    talk.say(create(100)).device().read().lease(2, 0, 1).say(attributes_part(0));
    Publish with_attributes = publish("m", 0, 2, 100);
    with_attributes.attribute_bytes = attributes_part(0).bytes;
    talk.say(with_attributes).read();
    Watch watch;
    watch.id = 1;
    talk.say(watch, 1).read(1);
    talk.say(create(4096)).read().lease(4, 1, 1).say(publish("n", 1, 4, 4096)).read();
    Segment segment;
    segment.segment_kind = 2;
    talk.say(segment, 1).read(1);
    segment.ordinal = 9;
    talk.say(segment, 1).read(1);
    Slab slab;
    talk.say(slab, 1).read(1);
    slab.generation = 1;
    talk.say(slab, 1).read(1).say(GrantFences{}).read().say(GrantLeases{}).read().say(GrantLeases{}).read();
    talk.say(ContextStatsRequest{}).read().say(numbered<Nudge>(0, 1)).say(Copied{});
    Unpublish unpublish;
    set_text(unpublish.name, "m");
    Unpublish of_another_version = unpublish;
    of_another_version.version = ~std::uint64_t{0};
    talk.say(of_another_version).read().say(unpublish).read().say(unpublish).read().tidy();
    Free free = numbered<Free>(1, 1);
    free.lease = 4;
    talk.say(free).read().lease(4, 0, 0).tidy().slab_closed(0, 1).slab_closed(0, 1, 0, 1).device().tidy();
    talk.say(create(64)).device().read().say(numbered<ReleaseHold>(0, 2)).say(Unwatch{}, 1);
    talk.say(Bye{}).tidy().command(6, 1).command(5, 1).tidy();
    write_seed(folder, "life", talk.str());
}

void write_other_service_seeds(const std::filesystem::path& folder) {
    Conversation lists(0);
    lists.hello().join().say(create(100)).device().lease(2, 0, 1).say(publish("m", 0, 2, 100)).hello(1).read(1);
    lists.say(TotalsRequest{}, 1).read(1).say(ListContexts{}, 1).read(1).say(ListSessions{}, 1).read(1);
    lists.say(of_job<ListAllocations>("a"), 1).read(1).say(of_job<ListPublications>("a"), 1).read(1);
    lists.say(of_job<ListOperators>("a"), 1).read(1).say(of_job<ListOperators>("z"), 1).read(1);
    Watch watch;
    lists.say(watch, 1).read(1);
    watch.all_contexts = 1;
    lists.say(watch, 1).read(1).say(Unwatch{}, 1);
    AdminUnpublish unpublish = of_job<AdminUnpublish>("a");
    set_text(unpublish.name, "m");
    lists.say(unpublish, 1).read(1).say(of_job<EndContext>("a"), 1).read(1).tidy();
    write_seed(folder, "lists", lists.str());

    Conversation fences(8);
    fences.hello().join().say(create(100)).device().read().lease(3, 0, 1).say(GrantFences{}).read();
    Publish later = publish("m", 0, 3, 100);
    later.fence_value = 1;
    fences.say(later).read().command(10).command(5).command(6).tidy();
    write_seed(folder, "fences", fences.str());

    Conversation waits(0);
    waits.hello().join().say(create(100)).say(create(100));  // before the reply
    write_seed(folder, "impatient", waits.str());
    Conversation full(3);
    full.hello().join().say(create(std::uint64_t{12} << 20)).device().read().say(create(std::uint64_t{12} << 20));
    full.say(create(std::uint64_t{1} << 40)).read().command(10).tidy();
    Create elsewhere = create(1);
    set_text(elsewhere.device, "cuda:7");
    full.read().say(elsewhere).read();
    elsewhere.alignment = 3;
    full.say(elsewhere);
    write_seed(folder, "full", full.str());
}

void write_wrong_service_seeds(const std::filesystem::path& folder) {
    constexpr std::string_view kOther("\x77\x77\x77\x77", 4);
    write_seed(folder, "version", Conversation(0).hello(0, 0, offsetof(Hello, protocol_version), kOther).str());
    write_seed(folder, "layout", Conversation(0).hello(0, 0, offsetof(Hello, layout_signature), kOther).str());
    write_seed(folder, "boot", Conversation(0).hello(0, 0, offsetof(Hello, boot_id), kOther).str());
    write_seed(folder, "long-name", Conversation(0).hello(0, 0, offsetof(Hello, name), kOther).str());
    Conversation descriptors(0);
    for (unsigned given : {1U, 2U, 4U, 8U}) {
        descriptors.hello(0, given).command(11);
    }
    write_seed(folder, "descriptors", descriptors.str());
    write_seed(folder, "no-hello", Conversation(0).join().str());
    write_seed(folder, "twice", Conversation(0).hello().hello().hello(1).join(1).join(1).str());
    Conversation jobs(0);
    jobs.hello().join(0, 0, offsetof(Join, job), kOther).hello(1).join(1, 0, offsetof(Join, device) + 4, kOther);
    jobs.hello(2).join(2, 0, offsetof(Join, flags), kOther).hello(3);
    write_seed(folder, "jobs", jobs.str());
    Conversation packets(0);
    packets.hello().join().raw(0, "x").hello(1).join(1).raw(PacketShape::kMended, std::string(40, '\x63'), 1);
    packets.hello(2).join(2).raw(PacketShape::kMended | PacketShape::kTruncated, std::string(40, '\0'), 2);
    write_seed(folder, "packets", packets.str());
    Header bye;
    bye.kind = Kind::bye;
    const std::string_view bytes(reinterpret_cast<const char*>(&bye), sizeof(bye));
    Conversation more(0);
    more.hello().join().raw(PacketShape::kMended | 1U << PacketShape::kDescriptorsAt, bytes);
    more.hello(1).join(1).raw(PacketShape::kMended, std::string(bytes) + "x", 1);
    more.hello(2).slab_closed(0, 1, 0, 2).hello(3).join(3).slab_closed(0, 1, 6, 3);
    write_seed(folder, "extras", more.str());
    Conversation parts(0);
    parts.hello().join().say(attributes_part(8)).hello(1).join(1);
    Unpublish unpublish;
    unpublish.name.bytes = 999;
    parts.say(unpublish, 1);
    write_seed(folder, "parts", parts.str());
    Conversation unread(0);
    Segment segment;
    unread.hello().join().say(segment).say(segment).say(segment);
    write_seed(folder, "unread", unread.str());
}

}  // namespace

void write_message_seeds(const std::filesystem::path& client, const std::filesystem::path& service) {
    Failure failure;
    failure.code = static_cast<std::int32_t>(Errc::not_found);
    set_text(failure.message, "no");
    write_seed(client, "failure", packet(failure, 0).str());
    failure.code = 99;
    write_seed(client, "failure-unknown", packet(failure, 0).str());
    using namespace std::string_view_literals;
    failure.code = static_cast<std::int32_t>(Errc::not_found);
    set_text(failure.message, "\0hidden"sv);
    write_seed(client, "failure-of-nul", packet(failure, 0).str());
    HelloReply reply;
    constexpr unsigned kDescribed = HelloReply::kDescriptors << PacketShape::kDescriptorsAt;
    constexpr unsigned kSigned = 8;
    write_seed(client, "hello", packet(reply, kDescribed | kSigned).str());
    write_seed(client, "hello-version", packet(reply, kDescribed).str());
    reply.boot_id[0] = 1;
    write_seed(client, "hello-boot", packet(reply, kDescribed | kSigned).str());
    write_seed(client, "ok", packet(Ok{}, 0, 5).str());
    write_seed(client, "ok-truncated", packet(Ok{}, PacketShape::kTruncated, 5).str());
    Event event;
    event.type = 1;
    event.watch_count = 2;
    set_text(event.name, "m");
    write_seed(client, "event", packet(event, 0).str());
    write_seed(client, "events-lost", packet(EventsLost{}, 0).str());
    write_seed(client, "slab-closing", packet(SlabClosing{}, 0).str());
    write_seed(client, "context-ended", packet(ContextEnded{}, 0).str());
    AttributesPart part = attributes_part(0);
    write_seed(client, "attributes", packet(part, 0).str());
    part.offset = 0;
    std::fill(std::begin(part.data), std::end(part.data), std::byte{'x'});
    write_seed(client, "attributes-no-key", packet(part, 0).str());
    part.offset = 5;
    write_seed(client, "attributes-of-text", packet(part, 0).str());
    part.offset = 2040;
    write_seed(client, "attributes-short", packet(part, 0).str());
    AllocationRow allocation;
    allocation.holder_count = 100;
    allocation.name_count = 100;
    write_seed(client, "allocation", packet(allocation, 0).str());
    for (std::uint32_t state = 1; state < 5; ++state) {
        allocation.state = state;
        write_seed(client, "allocation-" + std::to_string(state), packet(allocation, 0).str());
    }
    write_seed(client, "context", packet(ContextRow{}, 0).str());
    write_seed(client, "session", packet(SessionRow{}, 0).str());
    PublicationRow publication;
    publication.rank = 1000;
    publication.name.bytes = 1000;
    write_seed(client, "publication", packet(publication, 0).str());
    write_seed(client, "operator", packet(OperatorRow{}, 0).str());
    write_seed(client, "totals", packet(TotalsReply{}, 0).str());

    write_life_seed(service);
    write_other_service_seeds(service);
    write_wrong_service_seeds(service);
}

}  // namespace fastio::fuzz
