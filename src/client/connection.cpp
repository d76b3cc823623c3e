#include "client/connection.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <thread>

#include "client/deadline.hpp"
#include "client/incoming.hpp"
#include "client/system_folder.hpp"
#include "core/fail.hpp"
#include "device/host_identity.hpp"
#include "device/process_limits.hpp"
#include "table/layout.hpp"

namespace fastio::detail {
namespace {

constexpr std::chrono::milliseconds kRetryPause{5};
constexpr std::chrono::seconds kShortestHelloWait{1};
constexpr std::chrono::seconds kGoodbyeWait{5};

void check_owner(const wire::Socket& socket, const std::string& path) {
    const uid_t owner = wire::peer_credentials(socket.fd()).uid;
    if (owner != 0 && owner != ::geteuid() && !is_of_the_system(path, owner)) {
        fail(
            Errc::permission_denied,
            "the service at '{}' belongs to user {}, and this process to user {}: it could read and change everything "
            "that is shared through it. Start fastiod as this user, or as a system service in a folder below /run that "
            "root made for it, such as /run/fastio",
            path, owner, ::geteuid());
    }
}

}  // namespace

Connection::Connection(std::string path, std::chrono::nanoseconds timeout, const PatienceLimits& limits,
                       std::string name)
    : path_(std::move(path)), name_(std::move(name)), limits_(limits) {
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
    wire::set_text(hello.name, name_.empty() ? wire::operator_name() : name_);
    // Where this fails, the service may have said why before it closed.
    static_cast<void>(requests_.send(hello));

    join_deadline_ = std::max(deadline, std::chrono::steady_clock::now() + kShortestHelloWait);
    wire::Packet packet;
    if (!wait_readable(requests_.fd(), join_deadline_) || requests_.receive(packet) != wire::ReceiveResult::received) {
        fail(Errc::service_unreachable,
             "the service at '{}' accepted the connection and did not answer hello: it is stopped or ending; see its "
             "log, and `fastio doctor`",
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
        Turn turn(*this, "leaving the context", std::chrono::steady_clock::now() + kGoodbyeWait);
        static_cast<void>(turn.call<wire::Ok>(bye));
        return true;
    } catch (const std::exception&) {
        // The service finds out by itself that this session is over; one that is stopped when it reads the message.
        return false;
    }
}

wire::SendResult Connection::send_numbered(std::span<std::byte> message) noexcept {
    const std::uint64_t number = ++last_request_;
    std::memcpy(message.data() + offsetof(wire::Header, request), &number, sizeof(number));
    return requests_.send_bytes(message, {}, false);
}

std::optional<wire::SendResult> Connection::send_numbered(std::span<std::byte> message, Patience& patience) noexcept {
    // poll finds room only where a large part of the queue is free: asked for where there was none.
    const wire::SendResult result = send_numbered(message);
    if (result != wire::SendResult::would_block) {
        return result;
    }
    if (!patience.wait(requests_.fd(), POLLOUT)) {
        return std::nullopt;
    }
    return requests_.send_bytes(message, {}, true);
}

void Connection::post(std::span<std::byte> message) noexcept {
    bool sent = false;
    if (const std::unique_lock lock(sending_, std::try_to_lock); lock && outbox_.empty()) {
        sent = send_numbered(message) != wire::SendResult::would_block;
    }
    if (!sent) {
        outbox_.add(message);
    }
    send_posted_or_wake();
}

void Connection::send_posted_or_wake() noexcept {
    if (send_posted() == Posted::is_full) {
        outbox_.wake();
    }
}

Connection::Posted Connection::send_posted() noexcept {
    while (!outbox_.empty()) {
        // Whoever has the lock calls this when it has given it back, and then finds what was added before (Outbox's
        // invariant). The standard lets try_lock fail for no reason; a mutex of POSIX does not.
        const std::unique_lock lock(sending_, std::try_to_lock);
        if (!lock) {
            return Posted::in_progress;
        }
        for (auto message = outbox_.front(); !message.empty(); message = outbox_.front()) {
            if (send_numbered(message) == wire::SendResult::would_block) {
                return Posted::is_full;
            }
            outbox_.pop();
        }
    }
    return Posted::sent;
}

void Connection::abandon() noexcept {
    liveness_.end(Ending::given_up);
    requests_.shutdown();
    events_.shutdown();
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

void Connection::fail_patience(std::string_view call) {
    abandon();
    fail(Errc::service_unreachable,
         "{}: the service at '{}' did not answer in time: it is stopped, busy or ending; see its log, or wait longer. "
         "This connection to it is over",
         call, path_);
}

std::unique_lock<std::timed_mutex> Connection::lock(std::timed_mutex& mutex, std::string_view call) {
    std::unique_lock held(mutex, std::defer_lock);
    if (!Patience({forever, limits_.give_up}).lock(held)) {
        fail_patience(call);
    }
    return held;
}

Connection::Turn::Turn(Connection& connection, std::string_view call)
    : connection_(connection), call_(call), patience_(connection.limits_) {
    take();
}

Connection::Turn::Turn(Connection& connection, std::string_view call, std::chrono::steady_clock::time_point deadline)
    : connection_(connection), call_(call), patience_({forever, connection.limits_.give_up}) {
    patience_.end_at(deadline);
    take();
}

Connection::Turn::~Turn() {
    end_send();
}

void Connection::Turn::take() {
    connection_.liveness_.check_not_forked(call_);
    turn_ = std::unique_lock(connection_.turn_, std::defer_lock);
    if (!patience_.lock(turn_)) {
        connection_.fail_patience(call_);
    }
    patience_.begin();
    sending_ = std::unique_lock(connection_.sending_);
    Outbox& outbox = connection_.outbox_;
    for (auto posted = outbox.front(); !posted.empty(); posted = outbox.front()) {
        const auto result = connection_.send_numbered(posted, patience_);
        if (!result) {
            connection_.fail_patience(call_);
        }
        if (*result == wire::SendResult::would_block) {
            return;  // the kernel has no memory for it: later
        }
        outbox.pop();
    }
}

void Connection::Turn::end_send() noexcept {
    if (sending_.owns_lock()) {
        sending_.unlock();
        connection_.send_posted_or_wake();
    }
}

void Connection::Turn::send(std::span<std::byte> message) {
    const auto result = connection_.send_numbered(message, patience_);
    if (!result) {
        connection_.fail_patience(call_);
    }
    switch (*result) {
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

void Connection::Turn::receive(std::uint64_t request) {
    auto result = wire::ReceiveResult::would_block;
    connection_.spin_.wait(
        [&] {
            result = connection_.requests_.receive(packet_, false);
            return result != wire::ReceiveResult::would_block;
        },
        [&] {
            if (patience_.is_limited() && !patience_.wait(connection_.requests_.fd(), POLLIN)) {
                connection_.fail_patience(call_);
            }
            result = connection_.requests_.receive(packet_);
        });
    if (result != wire::ReceiveResult::received) {
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
                 "{}: this process has no room for the descriptors that the service sent: raise the limit of {}", call_,
                 limit_of_open_files());
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
        fail(Errc::protocol_error, "{}: the service's reply came without descriptor {}: is the limit of {} reached?",
             call_, index, limit_of_open_files());
    }
    return std::move(packet_.descriptors[index]);
}

}  // namespace fastio::detail
