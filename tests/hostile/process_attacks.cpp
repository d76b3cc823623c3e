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
            client->lifeline.write.reset();
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
            {"executes_another_program", execute_another_program},
            {"gets_through", get_through},
            {"dies", die},
            {"leaves_a_name", leave_a_name}};
}

}  // namespace fastio::test
