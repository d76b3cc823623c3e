// Every message at every length, and every request with every field at its extremes.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "all_messages.hpp"
#include "attacks.hpp"
#include "core/limits.hpp"

namespace fastio::test {
namespace {

using Bytes = std::vector<std::byte>;

void put(Bytes& bytes, std::size_t offset, std::size_t width, std::uint64_t value) {
    std::memcpy(bytes.data() + offset, &value, width);  // little-endian, as the protocol is
}

Bytes message_of(wire::Kind kind, std::size_t bytes) {
    Bytes message(std::max(bytes, sizeof(wire::Header)));
    const wire::Header header{wire::kMagic, kind, static_cast<std::uint16_t>(bytes), 1};
    std::memcpy(message.data(), &header, sizeof(header));
    message.resize(bytes);
    return message;
}

bool is_one_way(wire::Kind kind) {
    return kind == wire::Kind::attributes || kind == wire::Kind::release_hold || kind == wire::Kind::nudge ||
           kind == wire::Kind::copied || kind == wire::Kind::unwatch;
}

/// A kind and a length that is not that kind's.
struct WrongLength {
    wire::Kind kind{};
    std::size_t bytes = 0;
};

std::vector<WrongLength> wrong_lengths() {
    std::vector<WrongLength> all;
    for (const MessageType& type : all_messages()) {
        // The first is an empty packet, which is the end of a connection too.
        for (std::size_t bytes = 0; bytes <= wire::kMaxMessageBytes; bytes += bytes < type.bytes + 16 ? 1 : 512) {
            if (bytes != type.bytes) {
                all.push_back({type.kind, bytes});
            }
        }
        all.push_back({type.kind, wire::kMaxMessageBytes + 1});
    }
    return all;
}

/// How far a client has come with the service.
enum class Stage { newcomer, visitor, member };

std::unique_ptr<RawClient> client_at(Stage stage, const std::string& socket) {
    switch (stage) {
        case Stage::newcomer:
            return std::make_unique<RawClient>(socket);
        case Stage::visitor:
            return RawClient::visitor(socket);
        case Stage::member:
            break;
    }
    return RawClient::member(socket);
}

void send_every_length(const std::string& socket, Stage stage) {
    const std::vector<WrongLength> all = wrong_lengths();
    in_processes(socket, all.size(), [&](std::size_t i) {
        const auto client = client_at(stage, socket);
        const Bytes message = message_of(all[i].kind, all[i].bytes);
        client->send_raw(message.data(), message.size());
        // A hello of another length is that of another version, and told so.
        const int answers = stage == Stage::newcomer && all[i].kind == wire::Kind::hello ? 1 : 0;
        require(client->closed_after(answers), "kind " + std::to_string(static_cast<int>(all[i].kind)) +
                                                   " was taken at " + std::to_string(all[i].bytes) + " bytes");
        return true;
    });
}

/// Who has not said hello is not answered, whatever it asks.
void ask_before_hello(const std::string& socket) {
    const std::vector<MessageType>& all = all_messages();
    in_processes(socket, all.size(), [&](std::size_t i) {
        if (all[i].kind == wire::Kind::hello) {
            return false;
        }
        const auto client = client_at(Stage::newcomer, socket);
        const Bytes message = message_of(all[i].kind, all[i].bytes);
        client->send_raw(message.data(), message.size());
        require(client->closed_after(1), "kind " + std::to_string(static_cast<int>(all[i].kind)) + " was taken");
        require(client->packet.descriptor_count == 0, "descriptors were sent before hello");
        return true;
    });
}

void state_every_length(const std::string& socket) {
    in_processes(socket, 400, [&](std::size_t i) {
        const std::size_t stated = i < 300 ? 4 * i : 65'535 - (i - 300);
        if (stated == sizeof(wire::Create)) {
            return false;
        }
        const auto client = RawClient::member(socket);
        Bytes message = message_of(wire::Kind::create, sizeof(wire::Create));
        put(message, offsetof(wire::Header, bytes), 2, stated);
        client->send_raw(message.data(), message.size());
        require(client->closed_after(), "a wrong stated length was taken");
        return true;
    });
}

void send_every_kind(const std::string& socket) {
    in_processes(socket, 300, [&](std::size_t i) {
        const auto kind = static_cast<wire::Kind>(i < 150 ? i : 65'535 - 3 * (i - 150));
        const auto client = RawClient::member(socket);
        const Bytes message = message_of(kind, sizeof(wire::Header));
        client->send_raw(message.data(), message.size());
        const bool cut = client->request_socket.receive(client->packet) == wire::ReceiveResult::closed;
        const bool is_a_message = std::ranges::any_of(all_messages(), [&](const MessageType& type) {
            return type.kind == kind && type.bytes == sizeof(wire::Header);
        });
        require(cut || is_a_message, "kind " + std::to_string(static_cast<int>(kind)) + " was taken");
        return cut;
    });
}

template <class Message>
Bytes bytes_of(Message message) {
    message.header = {wire::kMagic, Message::kKind, sizeof(Message), 1};
    Bytes bytes(sizeof(Message));
    std::memcpy(bytes.data(), &message, sizeof(Message));
    return bytes;
}

template <class List>
Bytes list_of_job() {
    List list{};
    list.job = text("job");
    return bytes_of(list);
}

/// The requests of kRequestNames, as an honest client could send them of `allocation`, which it has under `lease`.
std::vector<Bytes> honest_requests(const RawClient& client, const wire::CreateReply& allocation, std::uint32_t lease) {
    wire::Create create{};
    create.size = 64;
    wire::Publish publish = client.publish_message(allocation, "extreme", 64);
    publish.lease = lease;
    publish.flags = wire::Publish::kReplace;
    wire::Slab slab{};
    slab.index = allocation.slab;
    slab.generation = allocation.slab_generation;
    wire::Free free{};
    free.slot = allocation.slot;
    free.generation = allocation.generation;
    free.lease = lease;
    free.flags = wire::Free::kKeepLease;
    wire::ReleaseHold release{};
    release.slot = allocation.slot;
    release.generation = allocation.generation;
    wire::Nudge nudge{};
    nudge.slot = allocation.slot;
    nudge.generation = allocation.generation;
    wire::Watch watch{};
    watch.prefix = text("e");
    wire::Unpublish unpublish{};
    unpublish.name = text("extreme");
    wire::AdminUnpublish admin{};
    admin.job = text("job");
    admin.name = text("extreme");
    wire::EndContext end{};
    end.job = text("of nobody");
    wire::AttributesPart attributes{};
    attributes.bytes = 16;
    return {bytes_of(create),
            bytes_of(publish),
            bytes_of(slab),
            bytes_of(wire::Segment{}),
            bytes_of(free),
            bytes_of(release),
            bytes_of(nudge),
            bytes_of(watch),
            bytes_of(wire::Unwatch{}),
            bytes_of(unpublish),
            bytes_of(admin),
            bytes_of(end),
            bytes_of(attributes),
            bytes_of(wire::Copied{}),
            bytes_of(wire::GrantFences{}),
            bytes_of(wire::ContextStatsRequest{}),
            bytes_of(wire::TotalsRequest{}),
            list_of_job<wire::ListContexts>(),
            list_of_job<wire::ListSessions>(),
            list_of_job<wire::ListAllocations>(),
            list_of_job<wire::ListPublications>(),
            list_of_job<wire::ListOperators>()};
}

constexpr std::size_t kPublish = 1;  // its place among them

/// One field of a request, at one of its extremes.
struct Extreme {
    std::size_t offset = 0;
    std::size_t width = 0;
    std::uint64_t value = 0;
};

void add_extremes(std::vector<Extreme>& all, std::size_t bytes, bool of_single_bytes) {
    for (const std::size_t width : {1U, 2U, 4U, 8U}) {
        const unsigned bits = static_cast<unsigned>(8 * width);
        const std::uint64_t most = ~std::uint64_t{0} >> (64 - bits);
        // Behind 1024 bytes is an attribute's content.
        const std::size_t end = std::min<std::size_t>(bytes, 1024);
        for (std::size_t offset = sizeof(wire::Header); offset + width <= end; offset += width) {
            for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, most, most - 1, most >> 1,
                                              (most >> 1) + 1, std::uint64_t{0x101}}) {
                if (width > 1 || of_single_bytes) {
                    all.push_back({offset, width, value & most});
                }
            }
        }
    }
}

constexpr std::uint64_t kMostMemory = std::uint64_t{64} << 20;  // of the service under attack

/// A member with an allocation and a lease on it, or a visitor that names the bystander's; made anew when it was cut.
struct Offender {
    Offender(const std::string& socket, Stage stage) : client(client_at(stage, socket)) {
        wire::CreateReply allocation{};
        allocation.generation = 1;
        if (stage == Stage::member) {
            allocation = client->create(64);
            client->publish(allocation, "extreme", 64, wire::Publish::kReplace);
        }
        requests = honest_requests(*client, allocation, client->last_lease);
    }
    /// False when it was cut. An answer is a refusal, or of the kind that an honest request gets.
    [[nodiscard]] bool send(const Bytes& message, wire::Kind honest_answer) {
        if (!send(message)) {
            return false;
        }
        const auto head = client->packet.header();
        wire::Header asked{};
        std::memcpy(&asked, message.data(), sizeof(asked));
        const bool is_known = head && (head->kind == wire::Kind::error || head->kind == honest_answer ||
                                       (honest_answer == wire::Kind::error && head->kind == wire::Kind::ok));
        require(is_known, "kind " + std::to_string(static_cast<int>(asked.kind)) + " was answered with kind " +
                              std::to_string(head ? static_cast<int>(head->kind) : 0) + " instead of " +
                              std::to_string(static_cast<int>(honest_answer)));
        if (const auto created = client->packet.as<wire::CreateReply>()) {
            require(created->offset + created->capacity <= kMostMemory, "more memory was given than there is");
        }
        return true;
    }
    [[nodiscard]] bool send(const Bytes& message) {
        try {
            client->send_raw(message.data(), message.size());
            wire::Header head{};
            std::memcpy(&head, message.data(), sizeof(head));
            if (is_one_way(head.kind)) {
                const Bytes question = bytes_of(wire::ContextStatsRequest{});
                client->send_raw(question.data(), question.size());
            }
        } catch (const std::runtime_error&) {
            return false;
        }
        return client->request_socket.receive(client->packet) == wire::ReceiveResult::received;
    }

    std::unique_ptr<RawClient> client;
    std::vector<Bytes> requests;
};

/// Names stay when their publisher has gone, also those that came of extremes.
void unpublish_own_names(const std::string& socket) {
    const auto client = RawClient::visitor(socket);
    wire::ListPublications list{};
    list.job = text("job");
    for (;;) {
        const auto row = client->ask<wire::PublicationRow>(list);
        if (row.row.valid == 0) {
            return;
        }
        list.after = row.name;
        const auto name = wire::get_text(row.name);
        if (name && *name != "kept" && *name != "passing") {
            wire::AdminUnpublish unpublish{};
            unpublish.job = list.job;
            unpublish.name = row.name;
            client->send(unpublish);
            require(client->request_socket.receive(client->packet) == wire::ReceiveResult::received,
                    "unpublish was not answered");  // not_found where its time to live was over meanwhile
        }
    }
}

void send_every_field_at_its_extremes(const std::string& socket, Stage stage, std::size_t request) {
    std::vector<Extreme> all;
    wire::Kind honest_answer = wire::Kind::error;
    {
        Offender model(socket, stage);
        require(model.requests.size() == std::size(kRequestNames), "a request has no name");
        add_extremes(all, model.requests[request].size(), request == kPublish);
        if (model.send(model.requests[request])) {
            honest_answer = model.client->packet.header()->kind;
        }
    }
    std::unique_ptr<Offender> offender;
    in_processes(socket, all.size(), [&](std::size_t i) {
        if (!offender) {
            offender = std::make_unique<Offender>(socket, stage);
        }
        Bytes message = offender->requests[request];
        put(message, all[i].offset, all[i].width, all[i].value);
        if (offender->send(message, honest_answer)) {
            return false;
        }
        offender.reset();
        return true;
    });
    unpublish_own_names(socket);
}

/// Whatever is answered: the connection must not outlive a hello that is not as it should be.
void say_hello_and_join_at_extremes(const std::string& socket) {
    std::vector<Extreme> all;
    add_extremes(all, sizeof(wire::Hello), false);
    const std::size_t of_hello = all.size();
    add_extremes(all, sizeof(wire::Join), false);
    in_processes(socket, all.size(), [&](std::size_t i) {
        RawClient client(socket);
        Bytes message = bytes_of(client.hello_message());
        if (i < of_hello) {
            put(message, all[i].offset, all[i].width, all[i].value);
            client.send_raw(message.data(), message.size());
            if (client.request_socket.receive(client.packet) != wire::ReceiveResult::received) {
                return false;  // a visitor that was cut leaves nothing
            }
            require(client.packet.as<wire::HelloReply>() || client.closed_after(), "a refused hello stayed connected");
            return false;
        }
        client.hello();
        wire::Join join{};
        join.job = text("extreme");
        wire::set_text(join.device, "auto");
        message = bytes_of(join);
        put(message, all[i].offset, all[i].width, all[i].value);
        wire::Join changed{};
        std::memcpy(&changed, message.data(), sizeof(changed));
        if ((changed.flags & wire::Join::kPersistent) != 0) {
            return false;  // what may be asked, and would stay
        }
        client.send_raw(message.data(), message.size());
        static_cast<void>(client.request_socket.receive(client.packet));
        return client.packet.as<wire::JoinReply>().has_value();
    });
}

/// The bystander made slots 0, which it published, and 1, which it did not.
void take_what_is_others(const std::string& socket) {
    const auto client = RawClient::member(socket);
    for (const std::uint32_t slot : {0U, 1U}) {
        wire::CreateReply theirs{};
        theirs.slot = slot;
        theirs.generation = 1;
        wire::Free free{};
        free.slot = slot;
        free.generation = 1;
        wire::Publish publish = client->publish_message(theirs, "taken", 64);
        const auto refuse_all = [&] {
            require(client->refused(free) == Errc::permission_denied, "another's allocation was freed");
            require(client->refused(publish) == Errc::permission_denied, "another's allocation was published");
        };
        refuse_all();
        for (const std::uint32_t entry : {0U, 5U, 511U, 512U, 0x7fff'ffffU}) {
            free.lease = publish.lease = entry;
            refuse_all();
        }
        client->release_hold(theirs);
        if (slot == 1) {  // with a lease that it wrote itself: what was not published is its creator's
            free.lease = publish.lease = client->lease(theirs);
            refuse_all();
        }
    }
    client->stats();
}

void speak_other_versions(const std::string& socket) {
    for (const std::uint32_t version :
         {0U, 1U, wire::kProtocolVersion - 1, wire::kProtocolVersion + 1, 0x7fff'ffffU, 0xffff'ffffU}) {
        RawClient client(socket);
        wire::Hello hello = client.hello_message();
        hello.protocol_version = version;
        client.send(hello);
        require(client.receive<wire::Failure>().code == static_cast<int>(Errc::version_mismatch), "wrong refusal");
        require(client.closed_after(), "another version stayed connected");
    }
}

void acknowledge_at_extremes(const std::string& socket) {
    const auto client = RawClient::member(socket);
    for (const std::uint32_t index : {0U, 1U, 0x7fff'ffffU, 0x8000'0000U, 0xffff'ffffU}) {
        for (const std::uint32_t generation : {0U, 1U, 0x7fff'ffffU, 0xffff'ffffU}) {
            wire::SlabClosing closing{};
            closing.index = index;
            closing.generation = generation;
            client->acknowledge(closing);
        }
    }
    client->stats();
}

}  // namespace

std::vector<Attack> message_attacks() {
    const auto at = [](void (*attack)(const std::string&, Stage), Stage stage) {
        return [attack, stage](const std::string& socket) { attack(socket, stage); };
    };
    std::vector<Attack> all = {{"sends_every_length_before_hello", at(send_every_length, Stage::newcomer)},
                               {"sends_every_length_as_a_visitor", at(send_every_length, Stage::visitor)},
                               {"sends_every_length", at(send_every_length, Stage::member)},
                               {"states_every_length", state_every_length},
                               {"sends_every_kind", send_every_kind},
                               {"asks_before_hello", ask_before_hello},
                               {"joins_at_extremes", say_hello_and_join_at_extremes},
                               {"takes_what_is_others", take_what_is_others},
                               {"speaks_other_versions", speak_other_versions},
                               {"acknowledges_at_extremes", acknowledge_at_extremes}};
    for (std::size_t request = 0; request < std::size(kRequestNames); ++request) {
        for (const Stage stage : {Stage::visitor, Stage::member}) {
            all.push_back(
                {attack_with_extremes(kRequestNames[request], stage == Stage::member),
                 [=](const std::string& socket) { send_every_field_at_its_extremes(socket, stage, request); }});
        }
    }
    return all;
}

}  // namespace fastio::test
