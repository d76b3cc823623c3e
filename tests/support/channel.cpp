#include "support/channel.hpp"

#include <memory>
#include <stdexcept>

namespace fastio::test {

std::pair<Channel, Channel> Channel::pair() {
    auto [first, second] = wire::Socket::pair();
    return {Channel{std::move(first)}, Channel{std::move(second)}};
}

void Channel::say(const std::string& text, std::span<const int> descriptors) {
    if (socket_.send_bytes(std::as_bytes(std::span{text}), descriptors, true) != wire::SendResult::sent) {
        throw std::runtime_error("could not say '" + text + "': the other process is gone");
    }
}

Channel::Message Channel::hear() {
    const auto packet = std::make_unique<wire::Packet>();
    if (socket_.receive(*packet) != wire::ReceiveResult::received) {
        throw std::runtime_error("heard nothing: the other process is gone");
    }
    Message message;
    message.text.assign(reinterpret_cast<const char*>(packet->data.data()), packet->bytes);
    for (std::size_t i = 0; i < packet->descriptor_count; ++i) {
        message.descriptors.push_back(std::move(packet->descriptors[i]));
    }
    return message;
}

std::string Channel::ask(const std::string& text, std::span<const int> descriptors) {
    say(text, descriptors);
    return hear().text;
}

}  // namespace fastio::test
