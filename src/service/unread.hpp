#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>

#include "service/foreign.hpp"
#include "service/poller.hpp"
#include "wire/socket.hpp"

namespace fastio::service {

/// True while the other end has not read all that was sent.
[[nodiscard]] bool has_unread(const wire::Socket& socket) noexcept;

/// Connections whose session has ended, and whose client has not read a reply that brought descriptors. As long as that
/// lies there, the kernel counts the descriptors as those of this process's user, who may have so many on their way and
/// no more (design P11), whoever they are for. So these connections are kept, and counted.
class UnreadReplies {
public:
    /// Descriptors on their way to one user's clients, in connections; of all users' so that they stay below the 2,024
    /// or so from which on the kernel has whoever sends a socket wait for its collection of sockets that are garbage.
    static constexpr std::size_t kMostOfUser = 64;
    static constexpr std::size_t kMost = 512;

    UnreadReplies(Poller& poller, ForeignDescriptors& foreign) : poller_(poller), foreign_(foreign) {}
    UnreadReplies(const UnreadReplies&) = delete;
    UnreadReplies& operator=(const UnreadReplies&) = delete;
    ~UnreadReplies();

    /// Nothing is read from it or sent to it any more. Its client finds its end when it has read what there is.
    void keep(uid_t user, wire::Socket& socket) noexcept;
    /// Something happened to it: it is ended if its client has read, or has gone.
    void on_ready(std::uint64_t id) noexcept;
    /// The same for all, without waiting to be told.
    void end_read() noexcept;
    [[nodiscard]] std::size_t of(uid_t user) const noexcept;
    [[nodiscard]] std::size_t of_all() const noexcept { return kept_.size(); }

private:
    struct Kept {
        uid_t user = 0;
        wire::Socket socket{};
    };
    void end(Kept& kept) noexcept;

    Poller& poller_;
    ForeignDescriptors& foreign_;
    std::map<std::uint64_t, Kept> kept_{};
    std::uint64_t next_id_ = 1;
};

}  // namespace fastio::service
