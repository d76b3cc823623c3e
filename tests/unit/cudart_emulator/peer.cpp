#include "peer.hpp"

#include <cstring>
#include <sstream>
#include <stdexcept>

#include "support/hex.hpp"

namespace fastio::test {
namespace {

ChildOptions options_for(const Channel& channel, const std::map<std::string, std::string>& environment) {
    ChildOptions options;
    options.descriptors = {channel.fd()};
    options.environment = environment;
    return options;
}

template <class Handle>
Handle handle_of(const std::string& text) {
    const std::vector<std::byte> bytes = from_hex(text);
    Handle handle{};
    if (bytes.size() != sizeof(handle)) {
        throw std::runtime_error("'" + text + "' is no handle");
    }
    std::memcpy(&handle, bytes.data(), sizeof(handle));
    return handle;
}

}  // namespace

Peer::Peer() : Peer({}, Channel::pair()) {}

Peer Peer::with(const std::map<std::string, std::string>& environment) {
    return Peer(environment, Channel::pair());
}

Peer::Peer(const std::map<std::string, std::string>& environment, std::pair<Channel, Channel> ends)
    : channel_(std::move(ends.first)),
      process_(ChildProcess::start(FASTIO_TEST_EMULATOR_PEER, {}, options_for(ends.second, environment))) {}

std::string Peer::ask(const std::string& words, std::span<const int> descriptors) {
    return channel_.ask(words, descriptors);
}

unsigned long long Peer::number(const std::string& words) {
    return std::stoull(success(ask(words)));
}

std::string success(const std::string& answer) {
    std::istringstream words(answer);
    int code = -1;
    std::string rest;
    words >> code >> std::ws;
    std::getline(words, rest);
    if (code != 0) {
        throw std::runtime_error("the peer's call gave " + answer);
    }
    return rest;
}

std::string to_text(const cudaIpcMemHandle_t& handle) {
    return to_hex(std::as_bytes(std::span(&handle, 1)));
}
std::string to_text(const cudaIpcEventHandle_t& handle) {
    return to_hex(std::as_bytes(std::span(&handle, 1)));
}
cudaIpcMemHandle_t memory_handle(const std::string& text) {
    return handle_of<cudaIpcMemHandle_t>(text);
}
cudaIpcEventHandle_t event_handle(const std::string& text) {
    return handle_of<cudaIpcEventHandle_t>(text);
}

}  // namespace fastio::test
