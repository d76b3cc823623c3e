#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "table/leases.hpp"
#include "table/reader.hpp"
#include "wire/socket.hpp"

namespace fastio::test {

/// A name, a prefix or a job as a message has it.
[[nodiscard]] wire::NameText text(std::string_view value);

/// A client that speaks the protocol and nothing else: what it sends is up to the test. Failures of the conversation
/// throw std::runtime_error.
class RawClient final : public table::SegmentSource {
public:
    /// Connects, and says nothing yet.
    explicit RawClient(const std::string& socket);
    /// connect, hello and join.
    [[nodiscard]] static std::unique_ptr<RawClient> member(const std::string& socket, std::string_view job = "job",
                                                           std::uint64_t quota = 0, std::uint32_t flags = 0);
    /// connect and hello.
    [[nodiscard]] static std::unique_ptr<RawClient> visitor(const std::string& socket);

    [[nodiscard]] wire::Hello hello_message() const;
    wire::HelloReply hello();
    /// The reply to a hello that the test sent, and what came with it.
    wire::HelloReply receive_hello_reply();
    wire::JoinReply join(std::string_view job, std::uint64_t quota = 0, std::uint32_t flags = 0,
                         std::string_view device = "auto");
    void bye();

    template <class Message>
    void send(Message message, std::vector<int> descriptors = {}) {
        message.header.request = ++request_;
        if (request_socket.send(message, descriptors) != wire::SendResult::sent) {
            throw std::runtime_error("the service closed the connection");
        }
    }
    /// The next reply, which must be of this kind and for the last request.
    template <class Reply>
    Reply receive() {
        const wire::ReceiveResult result = request_socket.receive(packet);
        const std::optional<Reply> reply = packet.as<Reply>();
        if (result != wire::ReceiveResult::received || !reply || reply->header.request != request_) {
            throw std::runtime_error(describe(result));
        }
        return *reply;
    }
    template <class Reply, class Message>
    Reply ask(const Message& message) {
        send(message);
        return receive<Reply>();
    }
    /// The error of a request that must fail, and its text.
    template <class Message>
    Errc refused(const Message& message) {
        send(message);
        const auto failure = receive<wire::Failure>();
        why = std::string(wire::get_text(failure.message).value());
        return static_cast<Errc>(failure.code);
    }
    /// Bytes as they are.
    void send_raw(const void* data, std::size_t bytes, std::vector<int> descriptors = {});
    static void send_raw_to(int socket, const void* data, std::size_t bytes, std::vector<int> descriptors);
    /// True once the service has closed the connection, after at most `replies` further replies. Blocks until one of
    /// both.
    [[nodiscard]] bool closed_after(int replies = 0);

    wire::CreateReply create(std::uint64_t size, std::uint64_t alignment = 256);
    /// Of uint8, as many as the allocation was asked for; with an own lease unless `entry` is given.
    wire::Publish publish_message(const wire::CreateReply& allocation, std::string_view name, std::int64_t bytes) const;
    std::uint64_t publish(const wire::CreateReply& allocation, std::string_view name, std::int64_t bytes,
                          std::uint32_t flags = 0);
    std::uint32_t lease(const wire::CreateReply& allocation);
    void free(const wire::CreateReply& allocation, std::uint32_t lease);
    void release_hold(const wire::CreateReply& allocation);
    void nudge(const wire::CreateReply& allocation);
    void watch(std::uint32_t id, std::string_view prefix = {}, bool all = false);
    void acknowledge(const wire::SlabClosing& closing);
    wire::TotalsReply totals();
    wire::ContextStatsReply stats();
    [[nodiscard]] bool finds(std::string_view name);

    /// The next packet on the event socket as this message.
    template <class Message>
    Message event() {
        const wire::ReceiveResult result = event_socket.receive(packet);
        const std::optional<Message> message = packet.as<Message>();
        if (result != wire::ReceiveResult::received || !message) {
            throw std::runtime_error("event: " + describe(result));
        }
        return *message;
    }

    [[nodiscard]] Descriptor fetch(table::SegmentKind kind, std::uint32_t ordinal) override;

    wire::Socket request_socket;
    wire::Socket event_socket;
    Descriptor lifeline;
    Descriptor service_pidfd;
    wire::Packet packet{};
    std::string why{};
    std::uint64_t session = 0;
    std::uint64_t context = 0;
    std::optional<table::LeasePages> leases{};
    std::unique_ptr<table::TableReader> table{};
    /// Of the last publish.
    std::uint32_t last_lease = wire::kNoLease;

private:
    [[nodiscard]] std::string describe(wire::ReceiveResult result) const;

    std::uint64_t request_ = 0;
};

}  // namespace fastio::test
