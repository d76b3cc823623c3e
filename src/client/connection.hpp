#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/fork_guard.hpp"
#include "client/liveness.hpp"
#include "wire/messages.hpp"
#include "wire/socket.hpp"

namespace fastio::detail {

/// A connection to a service: the request socket with its turns, the event socket, the service's pidfd, the lifeline.
///
/// *Thread safety:* call, post and Turn from any thread; events() belongs to the helper thread.
///
/// *Ownership.* The client's end of the lifeline tells the service that this process, or a child it forked, may still
/// use device memory (design P3). It is closed when that is settled: nothing was joined, the service said ok to bye, or
/// the service is gone. Otherwise it stays open until the process ends, on purpose.
class Connection {
public:
    /// Connects and says hello; a socket that is missing or refuses is tried again until the timeout. Errors:
    /// service_unreachable, permission_denied, version_mismatch, incompatible_host, quota_exceeded (too many clients),
    /// io_error.
    Connection(std::string path, std::chrono::nanoseconds timeout);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] const wire::HelloReply& service() const noexcept { return service_; }
    [[nodiscard]] Liveness& liveness() noexcept { return liveness_; }
    [[nodiscard]] const Liveness& liveness() const noexcept { return liveness_; }
    [[nodiscard]] wire::Socket& events() noexcept { return events_; }
    /// Until when the service may take to answer hello and join.
    [[nodiscard]] std::chrono::steady_clock::time_point patience() const noexcept { return patience_; }
    [[nodiscard]] int service_pidfd() const noexcept { return service_pidfd_.get(); }
    /// Asks the kernel, before the helper thread may have heard of it; waits up to `wait` for it.
    [[nodiscard]] bool service_is_dead(std::chrono::milliseconds wait = {}) const noexcept;

    /// The right to send, and to have the next reply. Others' one-way messages wait until the request is sent, so that
    /// parts of a request stay together.
    class Turn {
    public:
        /// Errors: forked.
        Turn(Connection& connection, std::string_view call);
        /// A part of the request that follows. Errors: service_lost.
        template <wire::WireMessage Message>
        void send(Message& message) {
            message.header.request = ++connection_.last_request_;
            finish_send(connection_.requests_.send(message));
        }
        /// Errors: those that the service replies; service_lost; protocol_error; service_unreachable when the deadline
        /// comes first, and then the session is over.
        template <wire::WireMessage Reply, wire::WireMessage Message>
        Reply call(Message& message, std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt) {
            send(message);
            sending_.unlock();
            receive(message.header.request, deadline);
            const std::optional<Reply> reply = packet_.as<Reply>();
            if (!reply) {
                fail_reply();
            }
            return *reply;
        }
        /// What came with the last reply. Errors: protocol_error when it is not there.
        [[nodiscard]] Descriptor take_descriptor(std::size_t index);

    private:
        void finish_send(wire::SendResult result);
        void receive(std::uint64_t request, std::optional<std::chrono::steady_clock::time_point> deadline);
        [[noreturn]] void fail_reply();

        Connection& connection_;
        std::string_view call_;
        std::unique_lock<std::mutex> turn_;
        std::unique_lock<std::mutex> sending_;
        wire::Packet packet_;
    };

    /// One request and its reply. Errors as Turn::call, and forked.
    template <wire::WireMessage Reply, wire::WireMessage Message>
    Reply call(Message& message, std::string_view what) {
        return Turn(*this, what).template call<Reply>(message);
    }
    /// Sends a one-way message; does nothing when the service is gone, or in a forked child. What the kernel has no
    /// memory for goes before the next message.
    template <wire::WireMessage Message>
    void post(Message& message) noexcept {
        if (!liveness_.forked()) {
            const std::lock_guard lock(sending_);
            message.header.request = ++last_request_;
            send_unsent();
            if (requests_.send(message) == wire::SendResult::would_block) {
                keep_unsent(std::as_bytes(std::span(&message, 1)));
            }
        }
    }

    /// From now on the destructor says bye.
    void set_joined() noexcept { joined_ = true; }
    /// From now on it does not: the service takes what was this session's back when the process has ended.
    void leave_without_bye() noexcept { may_say_bye_ = false; }
    /// Ends calls under way in other threads with service_lost.
    void shut_down() noexcept { requests_.shutdown(); }

private:
    void connect_once(std::chrono::steady_clock::time_point deadline);
    void say_hello(std::chrono::steady_clock::time_point deadline);
    [[nodiscard]] bool say_bye() noexcept;
    void close_copies() noexcept;  // in a forked child: all but the lifeline
    void keep_unsent(std::span<const std::byte> message) noexcept;
    void send_unsent() noexcept;

    std::string path_;
    Liveness liveness_;
    std::chrono::steady_clock::time_point patience_{};
    wire::HelloReply service_{};
    Descriptor lifeline_;
    Descriptor service_pidfd_;
    wire::Socket events_;
    wire::Socket requests_;
    std::mutex turn_;                            // one request and its reply; taken before sending_
    std::mutex sending_;                         // one sender at a time; also guards last_request_ and unsent_
    std::deque<std::vector<std::byte>> unsent_;  // one-way messages that the kernel had no memory for
    std::uint64_t last_request_ = 0;
    bool joined_ = false;
    bool may_say_bye_ = true;
    std::unique_ptr<ForkRegistration> fork_registration_;
};

}  // namespace fastio::detail
