// On the sockets and the descriptors that travel over them.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include "attacks.hpp"
#include "device/memfd.hpp"
#include "memory_that_never_comes.hpp"
#include "support/lingering_socket.hpp"
#include "support/pipe.hpp"

namespace fastio::test {
namespace {

template <class Message>
void flood(const std::string& socket, const Message& message) {
    const auto client = RawClient::member(socket);
    try {
        for (int i = 0; i < 20'000; ++i) {
            client->send(message);
        }
    } catch (const std::runtime_error&) {
        return;  // cut
    }
}

/// Unlike a flood whose answers nobody reads, it is never cut. There is always a next request, and after a while the
/// service makes it rest.
void flood_and_read(const std::string& socket) {
    constexpr int kAhead = 16;
    const auto client = RawClient::member(socket);
    wire::ListAllocations list{};
    list.job = text("job");
    for (int i = 0; i < 30'000; ++i) {
        if (i % 3 == 0) {
            client->send(wire::TotalsRequest{});
        } else if (i % 3 == 1) {
            client->send(wire::ContextStatsRequest{});
        } else {
            client->send(list);
        }
        require(i < kAhead || client->request_socket.receive(client->packet) == wire::ReceiveResult::received,
                "it was cut");
    }
}

/// Each asks for a look at all leases, which are as many as one client may have.
void flood_with_nudges(const std::string& socket) {
    const auto client = RawClient::member(socket);
    for (int chunk = 1; chunk < 128; ++chunk) {
        client->ask<wire::GrantReply>(wire::GrantLeases{});
    }
    const auto allocation = client->create(100);
    client->publish(allocation, "nudged", 100);
    wire::Free free{};
    free.slot = allocation.slot;
    free.generation = allocation.generation;
    free.lease = client->last_lease;
    free.flags = wire::Free::kKeepLease;
    client->ask<wire::Ok>(free);
    for (int i = 0; i < 20'000; ++i) {
        client->nudge(allocation);
    }
    require(client->table->allocation_state(allocation.slot).state == AllocationState::retired, "its lease counts");
}

void never_read_replies(const std::string& socket) {
    const auto client = RawClient::member(socket);
    try {
        for (;;) {
            client->send(wire::TotalsRequest{});
        }
    } catch (const std::runtime_error&) {
        return;
    }
}

void never_read_events(const std::string& socket) {
    const auto deaf = RawClient::member(socket);
    for (std::uint32_t id = 0; id < 64; ++id) {
        deaf->watch(id);
    }
    const auto loud = RawClient::member(socket);
    const auto allocation = loud->create(8);
    loud->publish(allocation, "loud", 8);
    for (int i = 0; i < 2000; ++i) {
        wire::Publish again = loud->publish_message(allocation, "loud", 8);
        again.lease = loud->last_lease;
        again.flags = wire::Publish::kReplace;
        loud->ask<wire::PublishReply>(again);
    }
    wire::Unpublish unpublish{};
    unpublish.name = text("loud");
    loud->ask<wire::Ok>(unpublish);
}

/// All the memory, and a whole table; in a context of its own: members of one share what it may have.
void create_to_the_limit(const std::string& socket) {
    for (const std::uint64_t size : {std::uint64_t{1} << 20, std::uint64_t{1}}) {
        const auto client = RawClient::member(socket, "greedy");
        wire::Create create{};
        create.size = size;
        create.alignment = 256;
        std::vector<wire::CreateReply> all;
        for (client->send(create); client->request_socket.receive(client->packet) == wire::ReceiveResult::received;
             client->send(create)) {
            const auto reply = client->packet.as<wire::CreateReply>();
            if (!reply) {
                break;
            }
            all.push_back(*reply);
        }
        const auto failure = client->packet.as<wire::Failure>();
        const auto code = failure ? static_cast<Errc>(failure->code) : Errc{};
        require(code == (size == 1 ? Errc::table_full : Errc::out_of_memory), "there is no limit of memory");
        for (const wire::CreateReply& one : all) {
            client->release_hold(one);
        }
        client->stats();
    }
}

void send_single_bytes(const std::string& socket) {
    in_processes(socket, 64, [&](std::size_t byte) {
        const auto client = RawClient::member(socket);
        const char sent = static_cast<char>(4 * byte);
        client->send_raw(&sent, 1);
        require(client->closed_after(), "a byte was taken");
        return true;
    });
}

void connect_to_the_limit(const std::string& socket) {
    std::vector<std::unique_ptr<RawClient>> clients;
    Errc refusal{};
    for (int i = 0; i < 2000 && refusal == Errc{}; ++i) {
        auto client = std::make_unique<RawClient>(socket);
        client->send(client->hello_message());
        require(client->request_socket.receive(client->packet) == wire::ReceiveResult::received, "no answer to hello");
        if (const auto failure = client->packet.as<wire::Failure>()) {
            refusal = static_cast<Errc>(failure->code);
        }
        clients.push_back(std::move(client));
    }
    require(refusal == Errc::quota_exceeded, "there is no limit of clients");
}

void connect_and_say_nothing(const std::string& socket) {
    std::vector<std::unique_ptr<RawClient>> silent;
    for (int i = 0; i < 200; ++i) {
        try {
            silent.push_back(std::make_unique<RawClient>(socket));
        } catch (const Error& error) {
            require(error.errc() == Errc::service_unreachable, error.what());  // as many wait as may
        }
    }
}

/// Contexts that nobody is in any more; it ends them, so that the test sees whether anything else is left.
void leave_contexts_to_the_limit(const std::string& socket) {
    std::vector<std::string> jobs;
    Errc refusal{};
    while (refusal == Errc{} && jobs.size() < 1000) {
        const auto client = RawClient::visitor(socket);
        const std::string job = "left " + std::to_string(jobs.size());
        wire::Join join{};
        join.job = text(job);
        join.flags = wire::Join::kPersistent;
        client->send(join);
        require(client->request_socket.receive(client->packet) == wire::ReceiveResult::received, "no answer to join");
        if (const auto failure = client->packet.as<wire::Failure>()) {
            refusal = static_cast<Errc>(failure->code);
        } else {
            jobs.push_back(job);
            client->bye();
        }
    }
    const auto client = RawClient::visitor(socket);
    for (const std::string& job : jobs) {
        wire::EndContext end{};
        end.job = text(job);
        client->ask<wire::Ok>(end);
    }
    require(refusal == Errc::quota_exceeded, "there is no limit of contexts");
}

void hello_with(const std::string& socket, const char* what, std::vector<int> descriptors) {
    const auto client = std::make_unique<RawClient>(socket);
    wire::Hello hello = client->hello_message();
    hello.header = {wire::kMagic, wire::Kind::hello, sizeof(hello), 1};
    client->send_raw(&hello, sizeof(hello), std::move(descriptors));
    require(client->closed_after(), what);
}

void pass_descriptors_with_hello(const std::string& socket) {
    const Pipe pipe = make_pipe();
    const auto pair = wire::Socket::pair();
    const Descriptor file = make_memfd("wrong", 4096);
    const Descriptor epoll{::epoll_create1(EPOLL_CLOEXEC)};
    const Descriptor folder{::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const Descriptor path{::open("/proc/self/exe", O_PATH | O_CLOEXEC)};
    const Descriptor datagram{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    Pipe closed_pipe = make_pipe();
    closed_pipe.read.reset();
    auto closed_pair = wire::Socket::pair();
    closed_pair.second.reset();
    const Descriptor internet{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    for (const int one : {pipe.read.get(), pair.first.fd(), file.get(), epoll.get(), folder.get(), path.get(),
                          datagram.get(), internet.get(), closed_pipe.write.get(), closed_pair.first.fd()}) {
        hello_with(socket, "a descriptor was taken", {one});
        hello_with(socket, "two descriptors were taken", {pipe.read.get(), one});
    }
    hello_with(socket, "too many were taken", std::vector<int>(50, file.get()));
    hello_with(socket, "as many as a packet carries were taken",
               std::vector<int>(wire::kMostReceived, pair.first.fd()));
}

/// Not in this thread: of some it may be the last to have them, which were not sent, or which the service has closed.
void close_beside(Descriptor lingering) {
    std::thread([closed = std::move(lingering)]() mutable { closed.reset(); }).detach();  // it ends with the process
}

/// Whoever closes one of them last waits for an hour, as long as its peer is there.
void pass_sockets_that_linger(const std::string& socket) {
    std::vector<Descriptor> peers;
    for (const std::size_t count : {std::size_t{1}, std::size_t{2}, wire::kMostReceived}) {
        LingeringSocket made = make_lingering_socket();
        peers.push_back(std::move(made.peer));
        RawClient client(socket);
        wire::Hello hello = client.hello_message();
        hello.header = {wire::kMagic, wire::Kind::hello, sizeof(hello), 1};
        client.send_raw(&hello, sizeof(hello), std::vector<int>(count, made.lingering.get()));
        close_beside(std::move(made.lingering));
        require(client.closed_after(), "descriptors were taken");
    }
    for (const bool on_events : {false, true}) {
        auto member = RawClient::member(socket);
        const int connection = on_events ? member->event_socket.fd() : member->request_socket.fd();
        std::vector<Descriptor> passed;
        for (int i = 0; i < 8; ++i) {
            LingeringSocket made = make_lingering_socket();
            peers.push_back(std::move(made.peer));
            passed.push_back(std::move(made.lingering));
        }
        try {
            for (std::size_t i = 0; i < passed.size(); ++i) {
                RawClient::send_raw_to(connection, "?", i % 2, {passed[i].get()});
            }
        } catch (const std::runtime_error&) {  // cut already
        }
        for (Descriptor& one : passed) {
            close_beside(std::move(one));
        }
        member.reset();
        RawClient::member(socket)->totals();
    }
}

/// A session's ends, lifeline included, would keep each other open in the queues of the service.
void pass_its_own_ends(const std::string& socket) {
    RawClient newcomer(socket);
    wire::Hello hello = newcomer.hello_message();
    hello.header = {wire::kMagic, wire::Kind::hello, sizeof(hello), 1};
    newcomer.send_raw(&hello, sizeof(hello), {newcomer.request_socket.fd()});
    require(newcomer.closed_after(), "its own connection was taken");
    in_processes(socket, 2, [&](std::size_t on_events) {
        const auto client = RawClient::member(socket);
        client->create(1000);
        wire::SlabClosed message{};
        message.header = {wire::kMagic, wire::Kind::slab_closed, sizeof(message), 1};
        RawClient::send_raw_to(
            on_events != 0 ? client->event_socket.fd() : client->request_socket.fd(), &message, sizeof(message),
            {client->lifeline.get(), client->event_socket.fd(), client->request_socket.fd(), client->lifeline.get()});
        require(client->closed_after(), "its own ends were taken");
        return true;
    });
}

void end_what_it_was_given(const std::string& socket) {
    for (int which = 0; which < 6; ++which) {
        RawClient client(socket);
        client.hello();
        const bool both_remain = which >= 3;
        if (which % 3 != 0) {
            ::shutdown(client.lifeline.get(), SHUT_RDWR);
            both_remain ? static_cast<void>(0) : client.lifeline.reset();
        }
        if (which % 3 != 1) {
            ::shutdown(client.event_socket.fd(), SHUT_RDWR);
            both_remain ? static_cast<void>(0) : client.event_socket.reset();
        }
        client.join("job");
        client.create(10);
    }
}

/// A write to a file holds its lock for as long as what is to be written does not come.
void hold_the_lock_of_its_lease_file(const std::string& socket) {
    const auto client = RawClient::visitor(socket);
    wire::Join join{};
    join.job = text("job");
    client->ask<wire::JoinReply>(join);
    const Descriptor leases = std::move(client->packet.descriptors[1]);
    void* const memory = memory_that_never_comes();
    start_thread_that_sleeps_in(SYS_pwrite64, [&] { static_cast<void>(::pwrite(leases.get(), memory, 1, 0)); });
    require(client->ask<wire::GrantReply>(wire::GrantLeases{}).granted_chunks == 2, "no leases were granted");
    ::_exit(0);
}

/// Its threads hold the kernel's locks of all that it can send to and receive from, until the process ends.
void hold_the_locks_of_its_sockets(const std::string& socket) {
    const auto client = RawClient::member(socket);
    client->create(1000);
    client->watch(1);
    const auto other = RawClient::member(socket);
    const auto allocation = other->create(8);
    other->publish(allocation, "event", 8);  // which is there to be received from now on
    client->send(wire::TotalsRequest{});     // and so is a reply
    pollfd reply{client->request_socket.fd(), POLLIN, 0};
    ::poll(&reply, 1, -1);
    void* const memory = memory_that_never_comes();
    for (const int end : {client->request_socket.fd(), client->event_socket.fd(), client->lifeline.get()}) {
        start_thread_that_sleeps_in(SYS_recvfrom, [=] { static_cast<void>(::recv(end, memory, 4096, 0)); });
    }
    for (const int end : {client->request_socket.fd(), client->event_socket.fd()}) {
        start_thread_that_sleeps_in(SYS_sendto, [=] { static_cast<void>(::send(end, memory, 4096, MSG_NOSIGNAL)); });
    }
    wire::Unpublish unpublish{};
    unpublish.name = text("event");
    other->ask<wire::Ok>(unpublish);  // one event more
    other->free(allocation, other->last_lease);
    other->totals();
    ::_exit(0);
}

void pass_descriptors_with_every_request(const std::string& socket) {
    in_processes(socket, 100, [&](std::size_t kind) {
        const auto client = RawClient::member(socket);
        wire::Header header{wire::kMagic, static_cast<wire::Kind>(kind), sizeof(wire::Header), 1};
        client->send_raw(&header, sizeof(header), std::vector<int>(1 + kind % 2, client->lifeline.get()));
        require(client->closed_after(), "a request with descriptors was taken");
        return true;
    });
}

}  // namespace

std::vector<Attack> connection_attacks() {
    return {{"floods_with_requests", [](const std::string& at) { flood(at, wire::ContextStatsRequest{}); }},
            {"floods_with_one_way_messages", [](const std::string& at) { flood(at, wire::Nudge{}); }},
            {"floods_with_creates", [](const std::string& at) { flood(at, wire::Create{}); }},
            {"floods_and_reads", flood_and_read},
            {"floods_with_nudges", flood_with_nudges},
            {"never_reads_replies", never_read_replies},
            {"never_reads_events", never_read_events},
            {"creates_to_the_limit", create_to_the_limit},
            {"sends_single_bytes", send_single_bytes},
            {"connects_to_the_limit", connect_to_the_limit},
            {"connects_and_says_nothing", connect_and_say_nothing},
            {"leaves_contexts_to_the_limit", leave_contexts_to_the_limit},
            {"passes_descriptors_with_hello", pass_descriptors_with_hello},
            {"passes_sockets_that_linger", pass_sockets_that_linger},
            {"passes_its_own_ends", pass_its_own_ends},
            {"ends_what_it_was_given", end_what_it_was_given},
            {"holds_the_locks_of_its_sockets", hold_the_locks_of_its_sockets},
            {"holds_the_lock_of_its_lease_file", hold_the_lock_of_its_lease_file},
            {"passes_descriptors_with_every_request", pass_descriptors_with_every_request}};
}

}  // namespace fastio::test
