#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace fastio::wire {

/// What the choice of a path depends on; tests give their own.
struct PathEnvironment {
    std::function<std::optional<std::string>(const char*)> variable;  ///< empty for unset and for ""
    uid_t uid = 0;
    std::string root{};  ///< stands before /run and /tmp

    /// The real one.
    [[nodiscard]] static PathEnvironment of_process();
};

/// Where this user's sockets go: $XDG_RUNTIME_DIR/fastio, else /run/user/UID/fastio where that folder is this user's,
/// else /tmp/fastio-UID/fastio. Not created here. Whoever creates it must check that nobody else owns it: anybody may
/// create /tmp/fastio-UID.
[[nodiscard]] std::string runtime_folder(const PathEnvironment& environment = PathEnvironment::of_process());

/// Where a client connects: `given` if it is not empty, else $FASTIO_SOCKET, else fastiod.sock in runtime_folder,
/// unless that does not exist (or lies in a folder that is not this user's) and the system's /run/fastio/fastiod.sock
/// does.
[[nodiscard]] std::string choose_socket_path(std::string_view given, const PathEnvironment& environment);

/// For the message that nobody listens at `path`: where that is the user's own socket, and the system's folder lets
/// this user not even look whether there is one, what to do about it, after "; ". Else empty.
[[nodiscard]] std::string remedy_for_closed_system(std::string_view path, const PathEnvironment& environment);

/// Where a service listens: as above without the search, so that a user's own service can start beside the system's.
[[nodiscard]] std::string choose_listening_path(std::string_view given, const PathEnvironment& environment);
/// The same in this process's environment.
[[nodiscard]] std::string default_listening_path(std::string_view given);

}  // namespace fastio::wire
