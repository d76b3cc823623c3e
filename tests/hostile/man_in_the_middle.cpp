#include "man_in_the_middle.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "fake_service.hpp"

namespace fastio::test {
namespace {

bool has(const pollfd& entry) {
    return (entry.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

std::vector<int> descriptors_of(const wire::Packet& packet) {
    std::vector<int> all;
    for (std::size_t i = 0; i < packet.descriptor_count; ++i) {
        all.push_back(packet.descriptors[i].get());
    }
    return all;
}

}  // namespace

ManInTheMiddle::ManInTheMiddle(std::string service)
    : service_(std::move(service)), socket_(folder_.file("middle.sock")), listener_(listen_at(socket_)) {
    thread_ = std::thread([this] {
        for (;;) {  // until shutdown() in the destructor ends accept
            wire::Socket client(Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
            if (!client) {
                return;
            }
            serve(std::move(client));
        }
    });
}

ManInTheMiddle::~ManInTheMiddle() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
}

void ManInTheMiddle::serve(wire::Socket client) {
    wire::Socket service = wire::Socket::connect(service_);
    wire::Packet packet;
    for (;;) {
        std::array<pollfd, 2> ends{{{client.fd(), POLLIN, 0}, {service.fd(), POLLIN, 0}}};
        ::poll(ends.data(), ends.size(), -1);
        if (has(ends[1])) {
            if (service.receive(packet) != wire::ReceiveResult::received) {
                return;
            }
            forward(client, packet);
        } else if (has(ends[0])) {
            if (client.receive(packet) != wire::ReceiveResult::received) {
                return;
            }
            service.send_bytes({packet.data.data(), packet.bytes}, descriptors_of(packet), true);
        }
    }
}

void ManInTheMiddle::forward(wire::Socket& client, wire::Packet& packet) {
    Reply reply;
    reply.bytes.assign(packet.data.begin(), packet.data.begin() + static_cast<std::ptrdiff_t>(packet.bytes));
    for (std::size_t i = 0; i < packet.descriptor_count; ++i) {
        reply.descriptors.push_back(std::move(packet.descriptors[i]));
    }
    const auto head = packet.header();
    const std::unique_lock lock(mutex_);
    if (change_ && head) {
        change_(head->kind, reply);
    }
    if (reply.keep_silent) {
        return;
    }
    std::vector<int> descriptors;
    for (const Descriptor& descriptor : reply.descriptors) {
        if (descriptor) {
            descriptors.push_back(descriptor.get());
        }
    }
    descriptors.resize(std::min(descriptors.size(), wire::kMaxDescriptors));
    client.send_bytes(reply.bytes, descriptors, false);
}

}  // namespace fastio::test
