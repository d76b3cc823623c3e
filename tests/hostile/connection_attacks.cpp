// On the sockets and the descriptors that travel over them.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "attacks.hpp"
#include "device/memfd.hpp"
#include "support/lingering_socket.hpp"

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

/// Unlike a flood whose answers nobody reads, it is never cut.
void flood_and_read(const std::string& socket) {
    const auto client = RawClient::member(socket);
    const pid_t reading = ::fork();
    require(reading >= 0, "could not fork");
    if (reading == 0) {
        while (client->request_socket.receive(client->packet) == wire::ReceiveResult::received) {
        }
        ::_exit(0);
    }
    wire::ListAllocations list{};
    list.job = text("job");
    try {
        for (int i = 0; i < 1'000; ++i) {
            client->send(list);
            client->send(wire::TotalsRequest{});
            client->send(wire::ContextStatsRequest{});
        }
    } catch (const std::runtime_error&) {  // the other one was too slow a reader
    }
    ::kill(reading, SIGKILL);
    ::waitpid(reading, nullptr, 0);
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
    for (int i = 0; i < 200; ++i) {
        wire::Publish again = loud->publish_message(allocation, "loud", 8);
        again.lease = loud->last_lease;
        again.flags = wire::Publish::kReplace;
        loud->ask<wire::PublishReply>(again);
    }
    wire::Unpublish unpublish{};
    unpublish.name = text("loud");
    loud->ask<wire::Ok>(unpublish);
}

void send_single_bytes(const std::string& socket) {
    in_processes(64, [&](std::size_t byte) {
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
        client->send(client->hello_message(), {client->lifeline.read.get(), client->event_socket_of_service.fd()});
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

void pass_wrong_descriptors(const std::string& socket) {
    const Pipe pipe = make_pipe();
    const auto pair = wire::Socket::pair();
    const int event = pair.first.fd();
    const int lifeline = pipe.read.get();
    const Descriptor file = make_memfd("wrong", 4096);
    const Descriptor epoll{::epoll_create1(EPOLL_CLOEXEC)};
    const Descriptor folder{::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const Descriptor path{::open("/proc/self/exe", O_PATH | O_CLOEXEC)};
    const Descriptor datagram{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const Descriptor internet{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    for (const int wrong : {file.get(), epoll.get(), folder.get(), path.get(), datagram.get(), internet.get()}) {
        hello_with(socket, "a wrong lifeline was taken", {wrong, event});
        hello_with(socket, "a wrong event socket was taken", {lifeline, wrong});
    }
    hello_with(socket, "they were taken in the wrong order", {event, lifeline});
    hello_with(socket, "too many were taken", std::vector<int>(50, event));
    hello_with(socket, "as many as a packet carries were taken", std::vector<int>(wire::kMostReceived, event));
}

/// Whoever closes one of them waits for an hour, as long as its peer is there, and the service is the last to have it.
void pass_sockets_that_linger(const std::string& socket) {
    std::vector<Descriptor> peers;
    for (const std::size_t count : {std::size_t{1}, std::size_t{2}, wire::kMostReceived}) {
        LingeringSocket made = make_lingering_socket();
        peers.push_back(std::move(made.peer));
        RawClient client(socket);
        wire::Hello hello = client.hello_message();
        hello.header = {wire::kMagic, wire::Kind::hello, sizeof(hello), 1};
        client.send_raw(&hello, sizeof(hello), std::vector<int>(count, made.lingering.get()));
        made.lingering.reset();
        require(client.closed_after(), "a wrong lifeline was taken");
    }
    for (const bool on_events : {false, true}) {
        auto member = RawClient::member(socket);
        const int connection = on_events ? member->event_socket.fd() : member->request_socket.fd();
        for (const std::size_t bytes : {0, 1, 0, 1}) {
            LingeringSocket made = make_lingering_socket();
            peers.push_back(std::move(made.peer));
            try {
                RawClient::send_raw_to(connection, "?", bytes, {made.lingering.get()});
            } catch (const std::runtime_error&) {  // cut already; the end of this process closes without waiting
                static_cast<void>(made.lingering.release());
            }
        }
        member.reset();
        RawClient::member(socket)->totals();
    }
}

/// The kernel then adds a pidfd to each packet that the service receives there.
void ask_for_pidfds_on_its_event_socket(const std::string& socket) {
    constexpr int kPassPidfd = 76;  // SO_PASSPIDFD
    RawClient client(socket);
    const int on = 1;
    static_cast<void>(::setsockopt(client.event_socket_of_service.fd(), SOL_SOCKET, kPassPidfd, &on, sizeof(on)));
    static_cast<void>(::setsockopt(client.event_socket_of_service.fd(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    client.hello();
    client.join("job");
    wire::SlabClosing slab{};
    slab.index = 5;
    slab.generation = 9;
    for (int i = 0; i < 1000; ++i) {
        client.acknowledge(slab);
    }
    client.totals();
}

void pass_ended_descriptors(const std::string& socket) {
    for (int which = 0; which < 3; ++which) {
        RawClient client(socket);
        if (which != 0) {
            client.lifeline.write.reset();
        }
        if (which != 1) {
            client.event_socket.reset();
        }
        client.hello();
        client.join("job");
        client.create(10);
    }
}

void pass_its_own_connection_as_event_socket(const std::string& socket) {
    RawClient client(socket);
    client.send(client.hello_message(), {client.lifeline.read.get(), client.request_socket.fd()});
    client.request_socket.receive(client.packet);
    wire::Watch watch{};
    watch.all_contexts = 1;
    try {
        client.send(watch);
    } catch (const std::runtime_error&) {
        return;
    }
    const auto other = RawClient::member(socket, "heard");  // an event, which the service sends to itself
    static_cast<void>(client.closed_after(3));
}

void pass_descriptors_with_every_request(const std::string& socket) {
    in_processes(100, [&](std::size_t kind) {
        const auto client = RawClient::member(socket);
        wire::Header header{wire::kMagic, static_cast<wire::Kind>(kind), sizeof(wire::Header), 1};
        client->send_raw(&header, sizeof(header), std::vector<int>(1 + kind % 2, client->lifeline.write.get()));
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
            {"sends_single_bytes", send_single_bytes},
            {"connects_to_the_limit", connect_to_the_limit},
            {"connects_and_says_nothing", connect_and_say_nothing},
            {"leaves_contexts_to_the_limit", leave_contexts_to_the_limit},
            {"passes_wrong_descriptors", pass_wrong_descriptors},
            {"passes_sockets_that_linger", pass_sockets_that_linger},
            {"asks_for_pidfds_on_its_event_socket", ask_for_pidfds_on_its_event_socket},
            {"passes_ended_descriptors", pass_ended_descriptors},
            {"passes_its_connection_as_event_socket", pass_its_own_connection_as_event_socket},
            {"passes_descriptors_with_every_request", pass_descriptors_with_every_request}};
}

}  // namespace fastio::test
