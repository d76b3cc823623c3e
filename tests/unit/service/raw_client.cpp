#include "raw_client.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "device/host_identity.hpp"

namespace fastio::test {

wire::NameText text(std::string_view value) {
    wire::NameText text;
    wire::set_text(text, value);
    return text;
}

RawClient::RawClient(const std::string& socket) : request_socket(wire::Socket::connect(socket)) {}

std::unique_ptr<RawClient> RawClient::visitor(const std::string& socket) {
    auto client = std::make_unique<RawClient>(socket);
    client->hello();
    return client;
}

std::unique_ptr<RawClient> RawClient::member(const std::string& socket, std::string_view job, std::uint64_t quota,
                                             std::uint32_t flags) {
    auto client = visitor(socket);
    client->join(job, quota, flags);
    return client;
}

wire::Hello RawClient::hello_message() const {
    wire::Hello hello{};
    const HostIdentity host = host_identity();
    hello.layout_signature = table::layout_signature();
    std::copy(host.boot_id.begin(), host.boot_id.end(), hello.boot_id);
    hello.pid = host.pid;
    hello.pid_namespace = host.pid_namespace;
    wire::set_text(hello.name, "raw");
    return hello;
}

wire::HelloReply RawClient::hello() {
    send(hello_message());
    return receive_hello_reply();
}

wire::HelloReply RawClient::receive_hello_reply() {
    const auto reply = receive<wire::HelloReply>();
    if (packet.descriptor_count != wire::HelloReply::kDescriptors) {
        throw std::runtime_error("hello_reply without its descriptors");
    }
    service_pidfd = std::move(packet.descriptors[0]);
    event_socket = wire::Socket{std::move(packet.descriptors[1])};
    lifeline = std::move(packet.descriptors[2]);
    return reply;
}

wire::JoinReply RawClient::join(std::string_view job, std::uint64_t quota, std::uint32_t flags,
                                std::string_view device) {
    wire::Join join{};
    join.job = text(job);
    wire::set_text(join.device, device);
    join.quota = quota;
    join.flags = flags;
    const auto reply = ask<wire::JoinReply>(join);
    if (packet.descriptor_count != 2) {
        throw std::runtime_error("join_reply without its two descriptors");
    }
    session = reply.session;
    Descriptor header = std::move(packet.descriptors[0]);
    leases.emplace(std::move(packet.descriptors[1]), reply.granted_chunks);
    table = std::make_unique<table::TableReader>(std::move(header), *this);
    context = table->header().context_id;
    return reply;
}

void RawClient::bye() {
    ask<wire::Ok>(wire::Bye{});
}

void RawClient::send_raw(const void* data, std::size_t bytes, std::vector<int> descriptors) {
    send_raw_to(request_socket.fd(), data, bytes, std::move(descriptors));
}

void RawClient::send_raw_to(int socket, const void* data, std::size_t bytes, std::vector<int> descriptors) {
    // Not Socket::send_bytes, which would refuse what is wrong.
    iovec part{const_cast<void*>(data), bytes};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(wire::kMostReceived * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!descriptors.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
        std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
    }
    if (::sendmsg(socket, &header, MSG_NOSIGNAL) < 0) {
        throw std::runtime_error("the service closed the connection");
    }
}

bool RawClient::closed_after(int replies) {
    for (int i = 0; i <= replies; ++i) {
        if (request_socket.receive(packet) == wire::ReceiveResult::closed) {
            return true;
        }
    }
    return false;
}

wire::CreateReply RawClient::create(std::uint64_t size, std::uint64_t alignment) {
    wire::Create create{};
    create.size = size;
    create.alignment = alignment;
    return ask<wire::CreateReply>(create);
}

wire::Publish RawClient::publish_message(const wire::CreateReply& allocation, std::string_view name,
                                         std::int64_t bytes) const {
    wire::Publish publish{};
    publish.slot = allocation.slot;
    publish.generation = allocation.generation;
    publish.name = text(name);
    publish.type_code = static_cast<std::uint8_t>(uint8.code);
    publish.type_bits = uint8.bits;
    publish.type_lanes = uint8.lanes;
    publish.rank = 1;
    publish.extents[0] = bytes;
    return publish;
}

std::uint64_t RawClient::publish(const wire::CreateReply& allocation, std::string_view name, std::int64_t bytes,
                                 std::uint32_t flags) {
    wire::Publish message = publish_message(allocation, name, bytes);
    message.lease = last_lease = lease(allocation);
    message.flags = flags;
    return ask<wire::PublishReply>(message).version;
}

std::uint32_t RawClient::lease(const wire::CreateReply& allocation) {
    return leases->claim({allocation.slot, allocation.generation}).value();
}

void RawClient::free(const wire::CreateReply& allocation, std::uint32_t entry) {
    wire::Free message{};
    message.slot = allocation.slot;
    message.generation = allocation.generation;
    message.lease = entry;
    ask<wire::Ok>(message);
}

void RawClient::release_hold(const wire::CreateReply& allocation) {
    wire::ReleaseHold message{};
    message.slot = allocation.slot;
    message.generation = allocation.generation;
    send(message);
}

void RawClient::nudge(const wire::CreateReply& allocation) {
    wire::Nudge message{};
    message.slot = allocation.slot;
    message.generation = allocation.generation;
    send(message);
}

void RawClient::watch(std::uint32_t id, std::string_view prefix, bool all) {
    wire::Watch message{};
    message.id = id;
    message.prefix = text(prefix);
    message.all_contexts = all ? 1 : 0;
    ask<wire::Ok>(message);
}

void RawClient::acknowledge(const wire::SlabClosing& closing) {
    wire::SlabClosed message{};
    message.index = closing.index;
    message.generation = closing.generation;
    if (event_socket.send(message) != wire::SendResult::sent) {
        throw std::runtime_error("the service closed the event socket");
    }
}

wire::TotalsReply RawClient::totals() {
    return ask<wire::TotalsReply>(wire::TotalsRequest{});
}

wire::ContextStatsReply RawClient::stats() {
    return ask<wire::ContextStatsReply>(wire::ContextStatsRequest{});
}

bool RawClient::finds(std::string_view name) {
    table::PublicationCopy copy;
    return table->lookup(name, table::hash_name(name.data(), name.size()), copy);
}

Descriptor RawClient::fetch(table::SegmentKind kind, std::uint32_t ordinal) {
    wire::Segment segment{};
    segment.segment_kind = static_cast<std::uint32_t>(kind);
    segment.ordinal = ordinal;
    ask<wire::SegmentReply>(segment);
    return std::move(packet.descriptors[0]);
}

std::string RawClient::describe(wire::ReceiveResult result) const {
    if (result != wire::ReceiveResult::received) {
        return "the service closed the connection";
    }
    if (const auto failure = packet.as<wire::Failure>()) {
        return "the service refused: " + std::string(wire::get_text(failure->message).value_or("?"));
    }
    const auto head = packet.header();
    return "unexpected reply of kind " + std::to_string(head ? static_cast<int>(head->kind) : -1);
}

}  // namespace fastio::test
