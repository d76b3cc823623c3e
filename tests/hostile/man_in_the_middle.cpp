#include "man_in_the_middle.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <utility>

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

std::span<const std::byte> bytes_of(const wire::Packet& packet) {
    return {packet.data.data(), packet.bytes};
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
            const std::lock_guard lock(mutex_);
            to_client_.reset();
            to_service_.reset();
            answers_ = lies_;  // none will come
            answered_.notify_all();
        }
    });
}

ManInTheMiddle::~ManInTheMiddle() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
}

bool ManInTheMiddle::say_bytes(std::span<const std::byte> bytes, std::span<const int> descriptors) {
    const std::lock_guard lock(mutex_);
    return to_client_ && to_client_.send_bytes(bytes, descriptors, true) == wire::SendResult::sent;
}

bool ManInTheMiddle::close_slab(std::uint32_t index, std::uint32_t generation) {
    std::unique_lock lock(mutex_);
    wire::SlabClosing closing;
    closing.index = index;
    closing.generation = generation;
    if (!to_client_ || to_client_.send(closing) != wire::SendResult::sent) {
        return false;
    }
    const std::uint64_t until = ++lies_;
    answered_.wait(lock, [&] { return answers_ >= until; });
    return static_cast<bool>(to_client_);
}

void ManInTheMiddle::end_events() {
    const std::lock_guard lock(mutex_);
    to_client_.shutdown();
}

void ManInTheMiddle::serve(wire::Socket client) {
    wire::Socket service = wire::Socket::connect(service_);
    wire::Packet packet;
    for (;;) {
        // Only this thread changes the two of events, so that it may look at them without the lock.
        std::array<pollfd, 4> ends{{{client.fd(), POLLIN, 0},
                                    {service.fd(), POLLIN, 0},
                                    {reads_events_ ? to_client_.fd() : -1, POLLIN, 0},
                                    {to_service_.fd(), POLLIN, 0}}};
        ::poll(ends.data(), ends.size(), -1);
        if (has(ends[1])) {
            if (service.receive(packet) != wire::ReceiveResult::received) {
                return;
            }
            if (packet.as<wire::HelloReply>()) {
                take_events_of(packet);
            }
            forward(client, packet);
        } else if (has(ends[3])) {
            if (to_service_.receive(packet) != wire::ReceiveResult::received) {
                return;
            }
            forward(to_client_, packet);
        } else if (has(ends[0])) {
            if (client.receive(packet) != wire::ReceiveResult::received) {
                return;
            }
            service.send_bytes(bytes_of(packet), descriptors_of(packet), true);
        } else if (has(ends[2])) {
            if (to_client_.receive(packet) != wire::ReceiveResult::received) {
                return;
            }
            forward_answer(packet);
        }
    }
}

void ManInTheMiddle::take_events_of(wire::Packet& reply) {
    auto [own, theirs] = wire::Socket::pair();
    const std::lock_guard lock(mutex_);
    to_service_ = wire::Socket(std::exchange(reply.descriptors.at(1), theirs.release()));
    to_client_ = std::move(own);
}

void ManInTheMiddle::forward_answer(const wire::Packet& packet) {
    const std::lock_guard lock(mutex_);
    if (answers_ < lies_ && packet.as<wire::SlabClosed>()) {
        ++answers_;
        answered_.notify_all();
        return;
    }
    to_service_.send_bytes(bytes_of(packet), {}, true);
}

void ManInTheMiddle::forward(wire::Socket& client, wire::Packet& packet) {
    Reply reply;
    reply.bytes.assign(packet.data.begin(), packet.data.begin() + static_cast<std::ptrdiff_t>(packet.bytes));
    for (std::size_t i = 0; i < packet.descriptor_count; ++i) {
        reply.descriptors.push_back(std::move(packet.descriptors[i]));
    }
    const auto head = packet.header();
    const std::lock_guard lock(mutex_);
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
