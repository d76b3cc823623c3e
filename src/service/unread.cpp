#include "service/unread.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <new>
#include <utility>

namespace fastio::service {

bool has_unread(const wire::Socket& socket) noexcept {
    int bytes = 0;
    return ::ioctl(socket.fd(), SIOCOUTQ, &bytes) == 0 && bytes != 0;
}

UnreadReplies::~UnreadReplies() {
    for (Kept& kept : kept_) {
        foreign_.close(kept.user, kept.socket);
    }
}

void UnreadReplies::keep(uid_t user, wire::Socket& socket) noexcept {
    socket.shutdown();
    try {
        kept_.reserve(kept_.size() + 1);
    } catch (const std::bad_alloc&) {
        foreign_.close(user, socket);
        return;
    }
    kept_.push_back({user, std::exchange(socket, {})});
}

void UnreadReplies::end_read() noexcept {
    std::erase_if(kept_, [this](Kept& kept) {
        const bool is_read = !has_unread(kept.socket);
        if (is_read) {
            foreign_.close(kept.user, kept.socket);
        }
        return is_read;
    });
}

std::size_t UnreadReplies::of(uid_t user) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.user == user; }));
}

}  // namespace fastio::service
