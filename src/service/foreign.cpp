#include "service/foreign.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <exception>
#include <map>
#include <mutex>
#include <vector>

#include "device/quiet_thread.hpp"

namespace fastio::service {
namespace {

/// What makes closing a TCP socket wait; nothing where it is no socket.
void end_lingering(const Descriptor& descriptor) noexcept {
    const linger none{0, 0};
    ::setsockopt(descriptor.get(), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

}  // namespace

struct ForeignDescriptors::State : std::enable_shared_from_this<State> {
    struct Queue {
        std::vector<Descriptor> waiting{};
        std::size_t unclosed = 0;  ///< those that wait, and the one in work
        bool has_thread = false;
    };

    /// With the mutex held.
    void start_thread(uid_t user, Queue& queue) noexcept {
        if (queue.has_thread || queue.waiting.empty()) {
            return;
        }
        try {
            quiet_thread([state = shared_from_this(), user] { state->work(user); }).detach();
            queue.has_thread = true;
        } catch (const std::exception&) {
            return;
        }
    }
    /// A user's thread: ends when there is nothing left.
    void work(uid_t user) {
        ::prctl(PR_SET_NAME, "fastio-close");
        std::unique_lock lock(mutex);
        const auto queue = queues.find(user);
        while (!queue->second.waiting.empty()) {
            Descriptor descriptor = std::move(queue->second.waiting.back());
            queue->second.waiting.pop_back();
            lock.unlock();
            end_lingering(descriptor);
            descriptor.reset();
            lock.lock();
            --queue->second.unclosed;
        }
        queues.erase(queue);
    }

    std::mutex mutex{};
    std::map<uid_t, Queue> queues{};
};

ForeignDescriptors::ForeignDescriptors() : state_(std::make_shared<State>()) {}

void ForeignDescriptors::close(uid_t user, Descriptor descriptor) noexcept {
    if (!descriptor) {
        return;
    }
    try {
        const std::lock_guard lock(state_->mutex);
        State::Queue& queue = state_->queues[user];
        queue.waiting.push_back(std::move(descriptor));
        ++queue.unclosed;
        state_->start_thread(user, queue);
    } catch (const std::exception&) {  // no memory for it in the queue: it ends here
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
    bool is_empty = true;
    wire::Packet packet;
    while (is_empty && socket.discard(packet)) {
        is_empty = packet.descriptor_count == 0;
        close(user, packet);
    }
    if (!is_empty) {  // one of what may be many, and may have others queued in them
        close(user, socket.release());
    }
    socket.reset();
}

std::size_t ForeignDescriptors::pending(uid_t user) const noexcept {
    const std::lock_guard lock(state_->mutex);
    const auto queue = state_->queues.find(user);
    if (queue == state_->queues.end()) {
        return 0;
    }
    state_->start_thread(user, queue->second);
    return queue->second.unclosed;
}

}  // namespace fastio::service
