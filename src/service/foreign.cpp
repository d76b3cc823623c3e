#include "service/foreign.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <csignal>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "device/pipe_number.hpp"

namespace fastio::service {
namespace {

/// Threads of a program that hosts a service leave its signals to its own.
class WithoutSignals {
public:
    WithoutSignals() noexcept {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    WithoutSignals(const WithoutSignals&) = delete;
    WithoutSignals& operator=(const WithoutSignals&) = delete;
    ~WithoutSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

/// What makes closing a TCP socket wait; nothing where it is no socket.
void end_lingering(const Descriptor& descriptor) noexcept {
    const linger none{0, 0};
    ::setsockopt(descriptor.get(), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

int option_of(const Descriptor& socket, int option) noexcept {
    int value = -1;
    socklen_t bytes = sizeof(value);
    return ::getsockopt(socket.get(), SOL_SOCKET, option, &value, &bytes) == 0 ? value : -1;
}

}  // namespace

bool is_packet_socket(const Descriptor& descriptor) noexcept {
    return option_of(descriptor, SO_DOMAIN) == AF_UNIX && option_of(descriptor, SO_TYPE) == SOCK_SEQPACKET &&
           option_of(descriptor, SO_ACCEPTCONN) == 0;
}

struct ForeignDescriptors::State {
    struct Queue {
        std::vector<Descriptor> waiting{};
        std::size_t unclosed = 0;  ///< those that wait, and the one in work
        bool has_thread = false;
    };

    /// A user's thread: ends when there is nothing left.
    static void work(const std::shared_ptr<State>& state, uid_t user) {
        ::prctl(PR_SET_NAME, "fastio-close");
        std::unique_lock lock(state->mutex);
        const auto queue = state->queues.find(user);
        while (!queue->second.waiting.empty()) {
            Descriptor descriptor = std::move(queue->second.waiting.back());
            queue->second.waiting.pop_back();
            lock.unlock();
            end_lingering(descriptor);
            descriptor.reset();
            lock.lock();
            --queue->second.unclosed;
        }
        state->queues.erase(queue);
    }

    std::mutex mutex{};
    std::map<uid_t, Queue> queues{};
};

ForeignDescriptors::ForeignDescriptors() : state_(std::make_shared<State>()) {}

void ForeignDescriptors::close(uid_t user, Descriptor descriptor) noexcept {
    if (!descriptor || pipe_number(descriptor.get())) {
        return;
    }
    if (is_packet_socket(descriptor)) {
        wire::Socket socket{std::move(descriptor)};
        close(user, socket);
        return;
    }
    try {
        const std::lock_guard lock(state_->mutex);
        State::Queue& queue = state_->queues[user];
        queue.waiting.reserve(queue.waiting.size() + 1);
        if (!queue.has_thread) {
            const WithoutSignals blocked;
            std::thread([state = state_, user] { State::work(state, user); }).detach();
            queue.has_thread = true;
        }
        queue.waiting.push_back(std::move(descriptor));
        ++queue.unclosed;
    } catch (const std::exception&) {  // neither memory nor a thread: here, however long it takes
        end_lingering(descriptor);
    }
}

void ForeignDescriptors::close(uid_t user, wire::Packet& packet) noexcept {
    for (std::size_t i = 0; i < packet.descriptor_count; ++i) {
        close(user, std::move(packet.descriptors[i]));
    }
    packet.descriptor_count = 0;
    for (std::size_t i = 0; i < packet.surplus_count; ++i) {
        close(user, std::move(packet.surplus[i]));
    }
    packet.surplus_count = 0;
}

void ForeignDescriptors::close(uid_t user, wire::Socket& socket) noexcept {
    if (!socket) {
        return;
    }
    socket.shutdown();  // from here on nobody can queue anything
    wire::Packet packet;
    while (socket.discard(packet)) {
        close(user, packet);
    }
    socket.reset();
}

std::size_t ForeignDescriptors::pending(uid_t user) const noexcept {
    const std::lock_guard lock(state_->mutex);
    const auto queue = state_->queues.find(user);
    return queue == state_->queues.end() ? 0 : queue->second.unclosed;
}

}  // namespace fastio::service
