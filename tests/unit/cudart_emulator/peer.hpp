#pragma once

#include <driver_types.h>

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/channel.hpp"
#include "support/child_process.hpp"

namespace fastio::test {

/// Another process on the same fake machine, which makes CUDA calls on demand; peer_main.cpp has its words. Pointers,
/// events and handles have names there.
class Peer {
public:
    Peer();
    /// `environment` over this process's own.
    [[nodiscard]] static Peer with(const std::map<std::string, std::string>& environment);

    /// Throws std::runtime_error if the peer is gone.
    std::string ask(const std::string& words, std::span<const int> descriptors = {});
    /// Of an answer that is one number: the code of the call.
    int code(const std::string& words) { return std::stoi(ask(words)); }
    /// Of an answer that is a code and a number. Throws std::runtime_error unless the code is 0.
    unsigned long long number(const std::string& words);
    /// Sends without waiting for the answer, which hear gives.
    void say(const std::string& words) { channel_.say(words); }
    std::string hear() { return channel_.hear().text; }

    [[nodiscard]] ChildProcess& process() noexcept { return process_; }

private:
    Peer(const std::map<std::string, std::string>& environment, std::pair<Channel, Channel> ends);

    Channel channel_;
    ChildProcess process_;
};

/// A handle as the peer's words have it.
[[nodiscard]] std::string to_text(const cudaIpcMemHandle_t& handle);
[[nodiscard]] std::string to_text(const cudaIpcEventHandle_t& handle);
[[nodiscard]] cudaIpcMemHandle_t memory_handle(const std::string& text);
[[nodiscard]] cudaIpcEventHandle_t event_handle(const std::string& text);
/// What the peer answered after a code. Throws std::runtime_error unless the code is 0.
[[nodiscard]] std::string success(const std::string& answer);

}  // namespace fastio::test
