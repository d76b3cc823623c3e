#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/channel.hpp"
#include "support/child_process.hpp"

namespace fastio::conformance {

/// This program's file.
[[nodiscard]] std::string own_program();

struct PeerOptions {
    std::map<std::string, std::string> environment{};  ///< over this process's own
    std::vector<std::string> launcher{};               ///< a command that starts its arguments: unshare, setpriv
};

/// Another process that makes CUDA calls on demand; peer_calls.cpp has its words. It is this program, executed anew.
/// Killed at the end.
class Peer {
public:
    explicit Peer(const PeerOptions& options = {}) : Peer(options, test::Channel::pair()) {}

    /// The code of the call, and what it gave. Throws std::runtime_error if the peer is gone.
    std::string ask(const std::string& words, std::span<const int> descriptors = {}) {
        return channel_.ask(words, descriptors);
    }
    /// What the call gave. Throws std::runtime_error unless its code is 0.
    std::string must(const std::string& words, std::span<const int> descriptors = {});
    /// Kills it and waits until it is gone.
    void kill() { process_.kill(); }

private:
    Peer(const PeerOptions& options, std::pair<test::Channel, test::Channel> ends);

    test::Channel channel_;
    test::ChildProcess process_;
};

/// The peer's side: answers until the other process is gone.
void serve_peer(test::Channel channel);

}  // namespace fastio::conformance
