#pragma once

#include <optional>
#include <string>

#include "device/descriptor.hpp"
#include "service/spare_descriptor.hpp"
#include "wire/socket.hpp"

namespace fastio::service {

/// The socket that clients connect to, under its lock. One service listens at a path: whoever has the lock on
/// `PATH.lock`. The kernel drops the lock with the process, so a socket that is found under the lock is stale.
///
/// The socket is bound under another name, given its mode, listens, and only then gets its name: who finds it can
/// connect to it. The destructor removes socket and lock file while it still has the lock.
class Listener {
public:
    /// Makes the folder (0700; 0750 and the group's with `group`) if it is missing. Errors: already_exists (another
    /// service has the lock or answers there, or the path is no socket), permission_denied (a folder of another user),
    /// invalid_argument (path too long, unknown group), io_error. Clients can send no descriptors where the kernel can
    /// refuse them, unless `let_descriptors_in`.
    Listener(std::string path, const std::optional<std::string>& group, bool let_descriptors_in = false);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    enum class Accepted { connection, nothing, refused };
    /// One waiting connection into `socket`. When the process has no descriptor left, the spare one is given up to
    /// accept the connection, tell it so and close it.
    Accepted accept(wire::Socket& socket) noexcept;

private:
    void lock();
    /// Through /proc: in the folder that was opened, and short enough for a socket's address.
    [[nodiscard]] std::string in_folder(const std::string& name) const;
    /// Its name before it has its own.
    [[nodiscard]] std::string unfinished() const;
    void remove_stale() const;
    void bind(std::optional<unsigned> group, bool let_descriptors_in);
    void refuse() noexcept;

    std::string path_;
    std::string name_;  ///< the last part of path_
    Descriptor folder_;
    Descriptor lock_;
    Descriptor socket_;
    SpareDescriptor spare_;
};

}  // namespace fastio::service
