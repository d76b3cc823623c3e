#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "client/adaptive_spin.hpp"
#include "client/fork_guard.hpp"
#include "client/liveness.hpp"
#include "client/outbox.hpp"
#include "client/patience.hpp"
#include "wire/messages.hpp"
#include "wire/socket.hpp"

namespace fastio::detail {

/// A connection to a service: the request socket with its turns, the event socket, the service's pidfd, the lifeline.
///
/// *Thread safety:* call, post and Turn from any thread; events() belongs to the helper thread.
///
/// *Ownership.* The client's end of the lifeline tells the service that this process, or a child it forked, may still
/// use device memory (design P3). It is closed when that is settled: nothing was joined, the service said ok to bye, or
/// the session was lost, where the service waits for the process's end instead. Otherwise it stays open until the
/// process ends, on purpose.
class Connection {
public:
    /// Connects and says hello; a socket that is missing or refuses is tried again until the timeout. The limits are
    /// for what is asked later, give_up also for the join. Errors: service_unreachable, permission_denied,
    /// version_mismatch, incompatible_host, quota_exceeded (too many clients), io_error.
    /// `name` empty: wire::operator_name().
    Connection(std::string path, std::chrono::nanoseconds timeout, const PatienceLimits& limits = {},
               std::string name = {});
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] const wire::HelloReply& service() const noexcept { return service_; }
    [[nodiscard]] Liveness& liveness() noexcept { return liveness_; }
    [[nodiscard]] const Liveness& liveness() const noexcept { return liveness_; }
    [[nodiscard]] wire::Socket& events() noexcept { return events_; }
    /// Until when the service may take to answer hello and join.
    [[nodiscard]] std::chrono::steady_clock::time_point join_deadline() const noexcept { return join_deadline_; }
    [[nodiscard]] int service_pidfd() const noexcept { return service_pidfd_.get(); }
    /// Asks the kernel, before the helper thread may have heard of it; waits up to `wait` for it.
    [[nodiscard]] bool service_is_dead(std::chrono::milliseconds wait = {}) const noexcept;

    /// The right to send, and to have the next reply. Others' one-way messages wait until the request is sent, so that
    /// parts of a request stay together. Where the patience ends first every call throws service_unreachable, and the
    /// session is over: nobody knows what of the request the service will have served.
    class Turn {
    public:
        /// Errors: forked; service_unreachable.
        Turn(Connection& connection, std::string_view call);
        /// With an end of its own in place of the limits' timeout. Errors as the other one.
        Turn(Connection& connection, std::string_view call, std::chrono::steady_clock::time_point deadline);
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn();
        /// A part of the request that follows. Errors: service_lost; service_unreachable.
        template <wire::WireMessage Message>
        void send(Message& message) {
            wire::Socket::complete(message);
            send(std::as_writable_bytes(std::span(&message, 1)));
        }
        /// Errors: those that the service replies; service_lost; protocol_error; service_unreachable.
        template <wire::WireMessage Reply, wire::WireMessage Message>
        Reply call(Message& message) {
            send(message);
            end_send();
            receive(message.header.request);
            const std::optional<Reply> reply = packet_.as<Reply>();
            if (!reply) {
                fail_reply();
            }
            return *reply;
        }
        /// What came with the last reply. Errors: protocol_error when it is not there.
        [[nodiscard]] Descriptor take_descriptor(std::size_t index);

    private:
        void take();
        void send(std::span<std::byte> message);
        void end_send() noexcept;
        void receive(std::uint64_t request);
        [[noreturn]] void fail_reply();

        Connection& connection_;
        std::string_view call_;
        Patience patience_;
        std::unique_lock<std::timed_mutex> turn_;
        std::unique_lock<std::mutex> sending_;
        wire::Packet packet_;
    };

    /// One request and its reply. Errors as Turn::call, and forked.
    template <wire::WireMessage Reply, wire::WireMessage Message>
    Reply call(Message& message, std::string_view what) {
        return Turn(*this, what).template call<Reply>(message);
    }
    /// Sends a one-way message, and waits for nobody: what the service does not take now goes before the next request,
    /// or is sent by the helper thread when there is room. Does nothing when the service is gone, or in a forked child.
    template <wire::WireMessage Message>
    void post(Message& message) noexcept {
        if (!liveness_.forked()) {
            wire::Socket::complete(message);
            post(std::as_writable_bytes(std::span(&message, 1)));
        }
    }
    [[nodiscard]] Outbox& outbox() noexcept { return outbox_; }
    /// A mutex of whoever asks the service for what others want as well, who wait for it as for the service. Errors:
    /// service_unreachable.
    [[nodiscard]] std::unique_lock<std::timed_mutex> lock(std::timed_mutex& mutex, std::string_view call);
    enum class Posted {
        sent,        ///< all that there was
        is_full,     ///< the service, or the kernel, takes no more now
        in_progress  ///< another thread is at it, and looks again when it is done
    };
    /// Sends what was posted, as far as it goes without waiting.
    Posted send_posted() noexcept;
    [[nodiscard]] int requests_fd() const noexcept { return requests_.fd(); }

    /// From now on the destructor says bye.
    void set_joined() noexcept { joined_ = true; }
    /// From now on it does not: the service takes what was this session's back when the process has ended.
    void leave_without_bye() noexcept { may_say_bye_ = false; }
    /// Ends calls under way in other threads with service_lost.
    void shut_down() noexcept { requests_.shutdown(); }
    /// Ends the session while the service may live: every call from now on is service_lost, waits end too.
    void abandon() noexcept;

private:
    void connect_once(std::chrono::steady_clock::time_point deadline);
    void say_hello(std::chrono::steady_clock::time_point deadline);
    [[nodiscard]] bool say_bye() noexcept;
    void post(std::span<std::byte> message) noexcept;
    /// What does not go now is the helper thread's.
    void send_posted_or_wake() noexcept;
    // With sending_ held. Empty: the patience was over first.
    [[nodiscard]] std::optional<wire::SendResult> send_numbered(std::span<std::byte> message,
                                                                Patience& patience) noexcept;
    wire::SendResult send_numbered(std::span<std::byte> message) noexcept;
    [[noreturn]] void fail_patience(std::string_view call);
    void close_copies() noexcept;  // in a forked child: all but the lifeline

    std::string path_;
    std::string name_;
    Liveness liveness_;
    PatienceLimits limits_;
    std::chrono::steady_clock::time_point join_deadline_{};
    wire::HelloReply service_{};
    Descriptor lifeline_;
    Descriptor service_pidfd_;
    wire::Socket events_;
    wire::Socket requests_;
    std::timed_mutex turn_;  // one request and its reply; taken before sending_
    AdaptiveSpin<> spin_;    // guarded by turn_
    std::mutex sending_;     // one sender at a time; also guards last_request_
    Outbox outbox_;
    std::uint64_t last_request_ = 0;
    bool joined_ = false;
    bool may_say_bye_ = true;
    std::unique_ptr<ForkRegistration> fork_registration_;
};

}  // namespace fastio::detail
