#include "peer.hpp"

#include <filesystem>
#include <stdexcept>

namespace fastio::conformance {
namespace {

test::ChildProcess start(const PeerOptions& options, const test::Channel& channel) {
    std::vector<std::string> command = options.launcher;
    command.insert(command.end(), {own_program(), "--peer"});
    test::ChildOptions child;
    child.descriptors = {channel.fd()};
    child.environment = options.environment;
    return test::ChildProcess::start(command.front(), {command.begin() + 1, command.end()}, child);
}

}  // namespace

std::string own_program() {
    return std::filesystem::read_symlink("/proc/self/exe").string();
}

Peer::Peer(const PeerOptions& options, std::pair<test::Channel, test::Channel> ends)
    : channel_(std::move(ends.first)), process_(start(options, ends.second)) {}

std::string Peer::must(const std::string& words, std::span<const int> descriptors) {
    const std::string answer = ask(words, descriptors);
    if (answer != "0" && !answer.starts_with("0 ")) {
        throw std::runtime_error("the other process's '" + words.substr(0, words.find(' ')) + "' gave " + answer);
    }
    return answer.size() > 2 ? answer.substr(2) : "";
}

}  // namespace fastio::conformance
