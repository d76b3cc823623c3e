// Processes in other namespaces and of other users: rules 40, 41 and 43.
#include <unistd.h>

#include "calls.hpp"
#include "peer.hpp"
#include "rule.hpp"

namespace fastio::conformance {
namespace {

const std::string kSize = std::to_string(kBlock);
using Command = std::vector<std::string>;

/// The command, if it can start this program here.
Command usable(Command command) {
    Command whole = command;
    whole.insert(whole.end(), {own_program(), "--help"});
    test::ChildOptions options;
    options.capture_output = true;
    test::ChildProcess probe = test::ChildProcess::start(whole.front(), {whole.begin() + 1, whole.end()}, options);
    if (probe.wait().code != 0) {
        throw Skipped(probe.output().substr(0, probe.output().find('\n')));
    }
    return command;
}

Command unshare(const std::string& what) {
    Command command{"unshare", what, "--fork", "--kill-child"};
    if (::geteuid() != 0) {
        command.insert(command.end(), {"--user", "--map-root-user"});
    }
    return usable(command);
}

std::string opened_by(const PeerOptions& importer_options, Peer& owner) {
    owner.must("malloc a " + kSize);
    owner.must("fill a 42 " + kSize);
    Peer importer(importer_options);
    const std::string code = importer.ask("open b " + owner.must("export a"));
    return code == "0" ? importer.ask("read b 0") : code;
}

std::string in_another_ipc_namespace() {
    Peer owner;
    return opened_by({.environment = {}, .launcher = unshare("--ipc")}, owner);
}

std::string in_another_pid_namespace() {
    Peer owner;
    if (owner.must("pid") == "1") {
        throw Skipped("this process has the number 1 that the other one will have");
    }
    return opened_by({.environment = {}, .launcher = unshare("--pid")}, owner);
}

std::string with_the_same_pid() {
    const PeerOptions alone{.environment = {}, .launcher = unshare("--pid")};
    Peer owner(alone);
    if (owner.must("pid") != "1") {
        throw Skipped("the first process of a namespace has another number than 1");
    }
    return opened_by(alone, owner);
}

std::string of_another_user() {
    if (::geteuid() != 0) {
        throw Skipped("only root can start a process of another user");
    }
    Peer owner;
    return opened_by(
        {.environment = {}, .launcher = usable({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"})},
        owner);
}

constexpr Rule kRules[] = {
    {"40", Grade::field, "an importer in another IPC namespace", "0 42", kNotModelled, in_another_ipc_namespace},
    {"41a", Grade::field, "an importer in another PID namespace, with another number", "0 42 | 1 | 201", "0 42",
     in_another_pid_namespace},
    {"41b", Grade::field, "an importer in another PID namespace, with its owner's number", "201", kSame,
     with_the_same_pid},
    {"43", Grade::unknown, "an importer of another user", "0 42", kNotModelled, of_another_user},
};

}  // namespace

std::span<const Rule> namespace_rules() {
    return kRules;
}

}  // namespace fastio::conformance
