#include "service/unread.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace fastio::service {

bool has_unread(const wire::Socket& socket) noexcept {
    int bytes = 0;
    return ::ioctl(socket.fd(), SIOCOUTQ, &bytes) == 0 && bytes != 0;
}

UnreadReplies::~UnreadReplies() {
    for (auto& [id, kept] : kept_) {
        end(kept);
    }
}

void UnreadReplies::keep(uid_t user, wire::Socket& socket) noexcept {
    ::shutdown(socket.fd(), SHUT_RD);
    const std::uint64_t id = next_id_++;
    try {
        Kept& kept = kept_[id];
        kept.user = user;
        // Each time that the client reads is told once, and that it has gone.
        poller_.add(socket.fd(), EPOLLOUT | EPOLLET, {Source::unread, id});
        kept.socket = std::exchange(socket, {});
    } catch (const std::exception&) {
        kept_.erase(id);
        foreign_.close(user, socket);
    }
}

void UnreadReplies::end(Kept& kept) noexcept {
    poller_.remove(kept.socket.fd());
    foreign_.close(kept.user, kept.socket);
}

void UnreadReplies::on_ready(std::uint64_t id) noexcept {
    const auto found = kept_.find(id);
    if (found != kept_.end() && !has_unread(found->second.socket)) {
        end(found->second);
        kept_.erase(found);
    }
}

void UnreadReplies::end_read() noexcept {
    for (auto at = kept_.begin(); at != kept_.end();) {
        if (has_unread(at->second.socket)) {
            ++at;
        } else {
            end(at->second);
            at = kept_.erase(at);
        }
    }
}

std::size_t UnreadReplies::of(uid_t user) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(kept_.begin(), kept_.end(), [&](const auto& entry) { return entry.second.user == user; }));
}

}  // namespace fastio::service
