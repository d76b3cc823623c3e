#include "service/admission.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <map>
#include <new>
#include <tuple>
#include <utility>

#include <fastio/version.hpp>

#include "core/fail.hpp"
#include "core/names.hpp"
#include "service/malformed.hpp"
#include "service/user_limits.hpp"

namespace fastio::service {
namespace {

/// Connections that have not said hello are served beside the clients that have, up to this many.
constexpr std::size_t kMostGreeting = 16;

Descriptor open_own_pidfd() {
    Descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0))};
    if (!pidfd) {
        const int error = errno;
        fail(Errc::io_error, "could not open a pidfd of the service itself: {} ({}); Linux 5.3 has them",
             std::strerror(error), error);
    }
    return pidfd;
}

/// Two connected ends, of which the client gets the second. That nobody else ever has the first is what lets the
/// control thread use and close it: whoever has a descriptor of a socket can hold its locks in the kernel.
std::pair<wire::Socket, wire::Socket> make_pair(std::string_view what) {
    try {
        return wire::Socket::pair();
    } catch (const Error& error) {
        fail(error.errc(), "hello failed: in the service, {}, for {}", error.what(), what);
    }
}

/// The client cannot send into its end, so that nothing, and no descriptor of this very end, is ever queued there; it
/// ends when nobody has the client's end open any more.
std::pair<wire::Socket, wire::Socket> make_lifeline() {
    auto ends = make_pair("the lifeline");
    ::shutdown(ends.first.fd(), SHUT_RD);
    return ends;
}

std::uint64_t inode_of(const wire::Socket& socket) noexcept {
    struct stat status {};
    return ::fstat(socket.fd(), &status) == 0 ? status.st_ino : 0;
}

/// Before a session is made of it: a user at its limit costs the service nothing.
void refuse(wire::Socket& socket, const Error& error) noexcept {
    wire::Failure failure{};
    failure.code = error.code().value();
    failure.header.request = 1;  // of the hello that follows, or is in its way already
    wire::set_text(failure.message, error.what());
    socket.send(failure, {}, false);
}

}  // namespace

Admission::Admission(Registry& registry) : registry_(registry), own_pidfd_(open_own_pidfd()) {}

void Admission::admit(wire::Socket socket) noexcept {
    wire::PeerCredentials peer{};
    auto session = std::unique_ptr<Session>{};
    try {
        peer = wire::peer_credentials(socket.fd());
        const std::uint64_t queue_bytes = send_buffer_bytes(socket.fd()) + kMaxAttributeBytes;
        try {
            check_connection(registry_, peer.uid);
            check_foreign(registry_, peer.uid);
            check_queue(registry_, peer.uid, queue_bytes);
        } catch (const Error& error) {
            refuse(socket, error);
            registry_.foreign.close(peer.uid, socket);
            return;
        }
        make_way();
        registry_.make_room();
        session = std::make_unique<Session>();
        session->id = registry_.next_session++;
        session->uid = peer.uid;
        session->account = &registry_.accounts.of(peer.uid);
        session->pid = peer.pid;
        session->since = std::chrono::steady_clock::now();
        session->queue_bytes = queue_bytes;
        session->request = std::move(socket);
        const auto place = registry_.sessions.try_emplace(session->id).first;
        try {
            registry_.poller.add(session->request.fd(), EPOLLIN, {Source::request, session->id});
        } catch (...) {
            registry_.sessions.erase(place);
            throw;
        }
        place->second = std::move(session);
    } catch (const std::exception& error) {
        registry_.warn(registry_.lines_of(peer.uid), "a connection was dropped: {}", error.what());
        registry_.foreign.close(peer.uid, session && session->request ? session->request : socket);
    }
}

void Admission::make_way() {
    std::map<uid_t, std::pair<Session*, std::size_t>> by_user;  // the oldest, and how many
    std::size_t greeting = 0;
    for (const auto& [id, session] : registry_.sessions) {  // in order of age
        if (session->stage == Session::Stage::greeting && session->end == Session::End::none) {
            auto& [oldest_of_user, count] = by_user.try_emplace(session->uid, session.get(), 0).first->second;
            ++count;
            ++greeting;
        }
    }
    // Of who has most, so that one user's silent connections push out no other's.
    Session* oldest = nullptr;
    std::size_t most = 0;
    for (const auto& [uid, of_user] : by_user) {
        if (of_user.second > most) {
            std::tie(oldest, most) = of_user;
        }
    }
    const std::size_t clients = registry_.sessions.size() - greeting;
    const std::size_t free = registry_.options.max_clients > clients ? registry_.options.max_clients - clients : 0;
    if (oldest != nullptr && greeting >= std::max(kMostGreeting, free)) {
        registry_.end(*oldest, Session::End::hang_up);
    }
}

void Admission::check_version(const wire::Packet& packet) const {
    // Another version's hello may have another size; what both have is where it begins.
    const std::optional<wire::Header> head = packet.header();
    if (!head || head->kind != wire::Kind::hello || packet.bytes < offsetof(wire::Hello, reserved)) {
        throw Malformed{"a first message that is no hello"};
    }
    std::uint32_t version = 0;
    std::memcpy(&version, packet.data.data() + offsetof(wire::Hello, protocol_version), sizeof(version));
    if (version != wire::kProtocolVersion) {
        fail(Errc::version_mismatch,
             "hello failed: the client speaks version {} of the protocol, the service {} version {}; install one "
             "release "
             "of both",
             version, FASTIO_VERSION_STRING, wire::kProtocolVersion);
    }
}

void Admission::hello(Session& session, wire::Packet& packet) {
    check_version(packet);
    const std::optional<wire::Hello> message = packet.as<wire::Hello>();
    if (!message) {
        throw Malformed{"a hello of a wrong size"};
    }
    if (message->layout_signature != table::layout_signature()) {
        fail(Errc::version_mismatch,
             "hello failed: the client's table layout is {:#x}, that of the service {} is {:#x}; install one release "
             "of both",
             message->layout_signature, FASTIO_VERSION_STRING, table::layout_signature());
    }
    if (!std::equal(registry_.host.boot_id.begin(), registry_.host.boot_id.end(), message->boot_id)) {
        fail(Errc::incompatible_host,
             "hello failed: client and service run on different machines, or one lived through a boot; start a service "
             "there");
    }
    if (packet.descriptor_count != 0) {
        throw Malformed{fmt::format("a hello with {} descriptors", packet.descriptor_count)};
    }
    const auto clients = std::count_if(registry_.sessions.begin(), registry_.sessions.end(), [](const auto& entry) {
        return entry.second->stage != Session::Stage::greeting;
    });
    if (static_cast<std::uint64_t>(clients) >= registry_.options.max_clients) {
        fail(Errc::quota_exceeded,
             "hello failed: {} clients are connected or quarantined, as many as may be; end one, or raise fastiod's "
             "--max-clients",
             clients);
    }
    check_unread(registry_, session.uid);
    auto [lifeline, lifeline_of_client] = make_lifeline();
    auto [events, events_of_client] = make_pair("events");
    if (!registry_.options.let_descriptors_in) {
        wire::refuse_descriptors(events.fd());
    }
    const std::uint64_t event_bytes = send_buffer_bytes(events.fd());
    check_queue(registry_, session.uid, event_bytes);
    const std::string_view name = text_of(message->name);
    session.name = is_valid_name(name) ? std::string(name) : "unnamed";
    session.pidfd = wire::peer_pidfd(session.request.fd());
    session.lifeline = lifeline.release();
    session.lifeline_inode = inode_of(lifeline_of_client);
    registry_.poller.add(events.fd(), EPOLLIN, {Source::events, session.id});
    session.events = EventChannel{std::move(events), session.id};
    session.queue_bytes += event_bytes;
    session.stage = Session::Stage::visitor;

    wire::HelloReply reply{};
    reply.layout_signature = table::layout_signature();
    std::copy(registry_.instance.begin(), registry_.instance.end(), reply.instance);
    std::copy(registry_.host.boot_id.begin(), registry_.host.boot_id.end(), reply.boot_id);
    reply.pid = registry_.host.pid;
    reply.pid_namespace = registry_.host.pid_namespace;
    wire::set_text(reply.version, FASTIO_VERSION_STRING);
    const std::array<int, wire::HelloReply::kDescriptors> descriptors{own_pidfd_.get(), events_of_client.fd(),
                                                                      lifeline_of_client.fd()};
    registry_.reply(session, message->header.request, reply, descriptors);
    registry_.debug(session, "connected as user {}", session.uid);
}

void Admission::join(Session& session, const wire::Join& message) {
    const std::string_view job = text_of(message.job);
    check_name(job, "job");
    const std::uint32_t device = registry_.devices.find(text_of(message.device));
    if ((message.flags & ~wire::Join::kPersistent) != 0) {
        fail(Errc::invalid_argument, "join of '{}' failed: flags {:#x} were sent, at most {:#x} are known", job,
             message.flags, wire::Join::kPersistent);
    }
    if (registry_.devices[device].lost) {
        fail(Errc::device_unavailable, "join of '{}' failed: the device {} was lost; see the service's log", job,
             registry_.devices[device].name());
    }
    check_leases(registry_, session.uid);
    auto leases = std::make_unique<table::LeaseBook>(registry_.options.max_leases, 1);
    Context& context = context_for(session, message, device);
    try {
        context.members().emplace(session.id, &session);
        session.operator_number = context.operators().join(session.name);
        registry_.poller.add(session.pidfd.get(), EPOLLIN, {Source::pidfd, session.id});
        // No events: a hang-up is always told, and there is nothing else.
        registry_.poller.add(session.lifeline.get(), 0, {Source::lifeline, session.id});
    } catch (...) {
        registry_.poller.remove(session.pidfd.get());
        context.members().erase(session.id);
        context.touch();  // nobody may be left
        throw;
    }
    // From here on nothing fails.
    ++session.account->sessions;
    if (context.linger) {
        registry_.timers.cancel(*context.linger);
        context.linger.reset();
    }
    if ((message.flags & wire::Join::kPersistent) != 0) {
        context.make_persistent();
    }
    session.context = &context;
    session.leases = std::move(leases);
    session.default_device = device;
    session.stage = Session::Stage::member;
    registry_.info(session.account->lines, "session {} ({}, process {}, user {}) joined '{}'", session.id, session.name,
                   session.pid, session.uid, job);

    wire::JoinReply reply{};
    reply.session = session.id;
    reply.default_device = device;
    reply.granted_chunks = session.leases->granted_chunks();
    const std::array<int, 2> descriptors{context.writer().segment(table::SegmentKind::header, 0).fd,
                                         session.leases->file()};
    registry_.reply(session, message.header.request, reply, descriptors);
    registry_.watchers.tell(
        {WatchEvent::Kind::session_joined, context.id(), context.uid(), context.job(), session.name, 0});
}

Context& Admission::context_for(Session& session, const wire::Join& message, std::uint32_t device) {
    const std::string_view job = text_of(message.job);
    if (Context* const found = registry_.job(job)) {
        if (found->uid() != session.uid && !registry_.options.group) {
            fail(Errc::permission_denied,
                 "join of '{}' failed: the context belongs to user {}, this client to {}; choose another job, or let "
                 "the "
                 "service run with --group",
                 job, found->uid(), session.uid);
        }
        return *found;
    }
    check_contexts(registry_, session.uid, job);
    Context::Settings settings;
    settings.id = registry_.next_context++;
    settings.job = job;
    settings.uid = session.uid;
    const std::uint64_t most = registry_.options.quota;
    settings.quota = message.quota == 0 || (most != 0 && most < message.quota) ? most : message.quota;
    settings.user_quota = registry_.options.user_quota;
    settings.user_allocations = registry_.options.user.allocations;
    settings.user_names = registry_.options.user.names;
    settings.identity = {registry_.instance, registry_.host.boot_id, settings.id,
                         registry_.host.pid, settings.job,           registry_.devices.infos()};
    settings.limits.max_allocations = registry_.options.max_allocations;
    settings.limits.max_publications =
        std::min<std::uint64_t>(std::uint64_t{4} * registry_.options.max_allocations, table::kMaxPublications);
    auto context = std::make_unique<Context>(std::move(settings), registry_.watchers, registry_.touched);
    Context& made = *context;
    for (std::uint32_t index = 0; registry_.options.debug_memory != 0 && index < registry_.devices.count(); ++index) {
        made.pools()[index].hold_back_freed(*registry_.devices[index].memory, registry_.options.debug_memory);
    }
    registry_.make_room();
    registry_.contexts.emplace(made.id(), std::move(context));
    try {
        registry_.jobs.emplace(made.job(), &made);
    } catch (...) {
        registry_.contexts.erase(made.id());
        throw;
    }
    registry_.info(session.account->lines, "context '{}' was made for user {} on {}", job, session.uid,
                   registry_.devices[device].name());
    registry_.watchers.tell({WatchEvent::Kind::context_created, made.id(), made.uid(), made.job(), {}, 0});
    return made;
}

}  // namespace fastio::service
