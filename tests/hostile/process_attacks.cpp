// With fork and exec.
#include <unistd.h>

#include "attacks.hpp"

namespace fastio::test {
namespace {

enum class Kept { socket, lifeline, all };

void leave_a_child(const std::string& socket, Kept kept) {
    const auto client = RawClient::member(socket);
    client->create(1000);
    const pid_t child = ::fork();
    require(child >= 0, "could not fork");
    if (child == 0) {
        if (kept == Kept::socket) {
            client->lifeline.reset();
        } else if (kept == Kept::lifeline) {
            client->request_socket.reset();
            client->event_socket.reset();
        }
        char byte = 0;
        while (::read(3, &byte, 1) > 0) {
        }
        ::_exit(0);
    }
}

/// A child goes on asking for what takes long to answer, and another one reads the answers, so that the service always
/// finds one more request of a process that is dead.
void leave_children_that_ask(const std::string& socket) {
    std::vector<std::unique_ptr<RawClient>> with_leases_to_be_counted;
    for (int i = 0; i < 4; ++i) {
        with_leases_to_be_counted.push_back(RawClient::member(socket));
        for (int chunk = 1; chunk < 128; ++chunk) {
            with_leases_to_be_counted.back()->ask<wire::GrantReply>(wire::GrantLeases{});
        }
    }
    const auto client = RawClient::member(socket);
    const pid_t asking = ::fork();
    require(asking >= 0, "could not fork");
    if (asking == 0) {
        try {
            wire::ListAllocations list{};
            list.job = text("job");
            for (;;) {
                client->send(list);
            }
        } catch (const std::exception&) {  // its connection has ended
            ::_exit(0);
        }
    }
    const pid_t reading = ::fork();
    require(reading >= 0, "could not fork");
    if (reading == 0) {
        while (client->request_socket.receive(client->packet) == wire::ReceiveResult::received) {
        }
        ::_exit(0);
    }
    const auto other = RawClient::visitor(socket);
    const std::uint64_t before = other->totals().requests;
    while (other->totals().requests < before + 200) {  // some of them are the child's
    }
}

void execute_another_program(const std::string& socket) {
    const auto client = RawClient::member(socket);
    client->create(1000);
    ::dup2(3, STDIN_FILENO);
    ::execlp("cat", "cat", nullptr);
    require(false, "could not execute cat");
}

/// The tests' own tests: what an attack that gets through looks like.
void get_through(const std::string&) {
    require(false, "this attack got what it wanted");
}
void die(const std::string&) {
    ::abort();
}
void leave_a_name(const std::string& socket) {
    const auto client = RawClient::member(socket);
    client->publish(client->create(1000), "left behind", 1000);
}

}  // namespace

std::vector<Attack> process_attacks() {
    return {{"leaves_a_child_with_its_socket", [](const std::string& at) { leave_a_child(at, Kept::socket); }},
            {"leaves_a_child_with_its_lifeline", [](const std::string& at) { leave_a_child(at, Kept::lifeline); }},
            {"leaves_a_child_with_everything", [](const std::string& at) { leave_a_child(at, Kept::all); }},
            {"leaves_children_that_ask", leave_children_that_ask},
            {"executes_another_program", execute_another_program},
            {"gets_through", get_through},
            {"dies", die},
            {"leaves_a_name", leave_a_name}};
}

}  // namespace fastio::test
