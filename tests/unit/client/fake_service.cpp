#include "fake_service.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace fastio::test {

Descriptor listen_at(const std::string& path) {
    Descriptor listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener.get(), 4) != 0) {
        throw std::system_error(errno, std::generic_category(), "listening at " + path);
    }
    return listener;
}

FakeService::FakeService(std::function<void(wire::Socket&, const wire::Hello&)> answer)
    : socket_(folder_.file("fake.sock")), listener_(listen_at(socket_)) {
    thread_ = std::thread([this, answer = std::move(answer)] {
        // Until shutdown() in the destructor ends accept: a client may try again.
        for (;;) {
            wire::Socket client(Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
            if (!client) {
                return;
            }
            wire::Packet packet;
            if (client.receive(packet) == wire::ReceiveResult::received) {
                if (const auto hello = packet.as<wire::Hello>()) {
                    answer(client, *hello);
                }
            }
        }
    });
}

FakeService::~FakeService() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
}

wire::HelloReply matching_reply(const wire::Hello& hello) {
    wire::HelloReply reply;
    reply.header.request = hello.header.request;
    reply.layout_signature = hello.layout_signature;
    std::memcpy(reply.boot_id, hello.boot_id, sizeof(reply.boot_id));
    reply.pid = hello.pid;
    reply.pid_namespace = hello.pid_namespace;
    wire::set_text(reply.version, "9.9.9");
    return reply;
}

void send_reply(wire::Socket& socket, wire::HelloReply& reply) {
    const Descriptor pidfd(::eventfd(0, EFD_CLOEXEC));  // never readable: a service that lives
    const auto [events, events_of_client] = wire::Socket::pair();
    const auto [lifeline, lifeline_of_client] = wire::Socket::pair();
    const std::array<int, wire::HelloReply::kDescriptors> descriptors{pidfd.get(), events_of_client.fd(),
                                                                      lifeline_of_client.fd()};
    static_cast<void>(socket.send(reply, descriptors));
}

}  // namespace fastio::test
