#include "client/connection.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <thread>

#include "client/deadline.hpp"
#include "client/incoming.hpp"
#include "core/fail.hpp"
#include "device/host_identity.hpp"
#include "table/layout.hpp"

namespace fastio::detail {
namespace {

constexpr std::chrono::milliseconds kRetryPause{5};
constexpr std::chrono::seconds kShortestHelloWait{1};

// Only root puts folders there, so who serves in them was put there by the system.
bool is_in_system_folder(std::string_view path) noexcept {
    return (path.starts_with("/run/") && !path.starts_with("/run/user/")) || path.starts_with("/var/run/");
}

void check_owner(const wire::Socket& socket, const std::string& path) {
    const uid_t owner = wire::peer_credentials(socket.fd()).uid;
    if (owner != 0 && owner != ::geteuid() && !is_in_system_folder(path)) {
        fail(Errc::permission_denied,
             "the service at '{}' belongs to user {}, and this process to user {}: it could read and change everything "
             "that is shared through it. Start fastiod as this user, or as a system service below /run/fastio",
             path, owner, ::geteuid());
    }
}

}  // namespace

Connection::Connection(std::string path, std::chrono::nanoseconds timeout) : path_(std::move(path)) {
    const auto deadline = deadline_after(timeout);
    for (;;) {
        try {
            connect_once(deadline);
            break;
        } catch (const Error& error) {
            if (error.errc() != Errc::service_unreachable || std::chrono::steady_clock::now() >= deadline) {
                throw;
            }
        }
        // Nothing tells when a socket begins to accept, but for a new name, which inotify could see; a refused or full
        // one it could not. The loop ends with the timeout.
        std::this_thread::sleep_for(kRetryPause);
    }
    fork_registration_ = std::make_unique<ForkRegistration>([this] { close_copies(); });
}

Connection::~Connection() {
    if (liveness_.forked()) {
        return;
    }
    fork_registration_.reset();
    const bool settled = !joined_ || (may_say_bye_ && say_bye()) || liveness_.lost();
    if (!settled) {
        static_cast<void>(lifeline_.release());
    }
}

void Connection::connect_once(std::chrono::steady_clock::time_point deadline) {
    requests_ = wire::Socket::connect(path_);
    check_owner(requests_, path_);
    say_hello(deadline);
}

void Connection::say_hello(std::chrono::steady_clock::time_point deadline) {
    const HostIdentity identity = host_identity();

    wire::Hello hello;
    hello.header.request = ++last_request_;
    hello.layout_signature = table::layout_signature();
    std::copy(identity.boot_id.begin(), identity.boot_id.end(), std::begin(hello.boot_id));
    hello.pid = identity.pid;
    hello.pid_namespace = identity.pid_namespace;
    wire::set_text(hello.name, wire::operator_name());
    // Where this fails, the service may have said why before it closed.
    static_cast<void>(requests_.send(hello));

    patience_ = std::max(deadline, std::chrono::steady_clock::now() + kShortestHelloWait);
    wire::Packet packet;
    if (!wait_readable(requests_.fd(), patience_) || requests_.receive(packet) != wire::ReceiveResult::received) {
        fail(Errc::service_unreachable,
             "the service at '{}' accepted the connection and did not answer hello: it is stopped or ending; see its "
             "log, or start fastiod again",
             path_);
    }
    service_ = read_hello_reply(packet, identity, path_);
    service_pidfd_ = std::move(packet.descriptors[0]);
    events_ = wire::Socket{std::move(packet.descriptors[1])};
    lifeline_ = std::move(packet.descriptors[2]);
}

bool Connection::say_bye() noexcept {
    try {
        wire::Bye bye;
        static_cast<void>(call<wire::Ok>(bye, "leaving the context"));
        return true;
    } catch (const std::exception&) {
        return false;  // the service finds out by itself that this session is over
    }
}

void Connection::keep_unsent(std::span<const std::byte> message) noexcept {
    try {
        unsent_.emplace_back(message.begin(), message.end());
    } catch (const std::bad_alloc&) {  // then what it speaks of ends with the session
    }
}

void Connection::send_unsent() noexcept {
    while (!unsent_.empty() && requests_.send_bytes(unsent_.front(), {}, true) != wire::SendResult::would_block) {
        unsent_.pop_front();
    }
}

bool Connection::service_is_dead(std::chrono::milliseconds wait) const noexcept {
    pollfd service{service_pidfd_.get(), POLLIN, 0};
    return liveness_.lost() || ::poll(&service, 1, static_cast<int>(wait.count())) > 0;
}

void Connection::close_copies() noexcept {
    requests_.reset();
    events_.reset();
    service_pidfd_.reset();
}

Connection::Turn::Turn(Connection& connection, std::string_view call) : connection_(connection), call_(call) {
    connection_.liveness_.check_not_forked(call);
    turn_ = std::unique_lock(connection_.turn_);
    sending_ = std::unique_lock(connection_.sending_);
    connection_.send_unsent();
}

void Connection::Turn::finish_send(wire::SendResult result) {
    switch (result) {
        case wire::SendResult::sent:
            return;
        case wire::SendResult::would_block:
            fail(Errc::io_error, "{}: the kernel has no memory to send a message to the service: try again", call_);
        case wire::SendResult::closed:
            break;
    }
    // The service may have said why before it closed.
    if (connection_.requests_.receive(packet_, false) == wire::ReceiveResult::received) {
        if (const auto failure = packet_.as<wire::Failure>()) {
            connection_.liveness_.end(Ending::lost);
            throw_failure(*failure);
        }
    }
    connection_.liveness_.end(Ending::lost);
    fail(Errc::service_lost, "{}: the service at '{}' died or ended this session: make a new Context", call_,
         connection_.path_);
}

void Connection::Turn::receive(std::uint64_t request, std::optional<std::chrono::steady_clock::time_point> deadline) {
    if (deadline && !wait_readable(connection_.requests_.fd(), *deadline)) {
        connection_.liveness_.end(Ending::lost);
        connection_.shut_down();
        fail(Errc::service_unreachable,
             "{}: the service at '{}' did not answer in time: it is stopped or ending; see its log, or give a longer "
             "connect_timeout",
             call_, connection_.path_);
    }
    if (connection_.requests_.receive(packet_) != wire::ReceiveResult::received) {
        connection_.liveness_.end(Ending::lost);
        fail(Errc::service_lost,
             "{}: the service at '{}' died or ended this session before it answered: make a new "
             "Context",
             call_, connection_.path_);
    }
    switch (fault_of_reply(packet_, request)) {
        case ReplyFault::none:
            return;
        case ReplyFault::without_descriptors:
            fail(Errc::io_error,
                 "{}: this process has no room for the descriptors that the service sent: raise the limit of open "
                 "files (ulimit -n)",
                 call_);
        case ReplyFault::other:
            break;
    }
    connection_.liveness_.end(Ending::lost);
    connection_.shut_down();
    fail(Errc::protocol_error, "{}: the service at '{}' answered with {} bytes that are no reply to request {}", call_,
         connection_.path_, packet_.bytes, request);
}

void Connection::Turn::fail_reply() {
    if (const auto failure = packet_.as<wire::Failure>()) {
        throw_failure(*failure);
    }
    connection_.liveness_.end(Ending::lost);
    connection_.shut_down();
    fail(Errc::protocol_error, "{}: the service at '{}' answered with another kind of message ({}, {} bytes)", call_,
         connection_.path_, static_cast<unsigned>(packet_.header()->kind), packet_.bytes);
}

Descriptor Connection::Turn::take_descriptor(std::size_t index) {
    if (index >= packet_.descriptor_count || !packet_.descriptors[index]) {
        fail(Errc::protocol_error,
             "{}: the service's reply came without descriptor {}: is the limit of open files "
             "(ulimit -n) reached?",
             call_, index);
    }
    return std::move(packet_.descriptors[index]);
}

}  // namespace fastio::detail
