#include "wire/socket_path.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "wire/socket.hpp"

namespace fastio::wire {
namespace {

constexpr const char* kFolder = "/fastio";
constexpr const char* kFile = "/fastiod.sock";

std::string system_folder(const PathEnvironment& environment) {
    return environment.root + "/run" + kFolder;
}

bool exists(const std::string& path) noexcept {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
}

// lstat: a symbolic link in /tmp could lead anywhere.
bool is_folder_of(const std::string& path, uid_t uid) noexcept {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == uid;
}

std::optional<std::string> read_variable(const char* name) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') {
        return std::nullopt;
    }
    return value;
}

/// What somebody chose, if anybody did.
std::optional<std::string> chosen_path(std::string_view given, const PathEnvironment& environment) {
    return given.empty() ? environment.variable("FASTIO_SOCKET") : std::optional(std::string{given});
}

}  // namespace

PathEnvironment PathEnvironment::of_process() {
    return {read_variable, ::geteuid(), {}};
}

std::string runtime_folder(const PathEnvironment& environment) {
    if (const auto folder = environment.variable("XDG_RUNTIME_DIR")) {
        return *folder + kFolder;
    }
    const std::string uid = std::to_string(environment.uid);
    const std::string run_user = environment.root + "/run/user/" + uid;
    if (is_folder_of(run_user, environment.uid)) {
        return run_user + kFolder;
    }
    return environment.root + "/tmp/fastio-" + uid + kFolder;
}

std::string choose_socket_path(std::string_view given, const PathEnvironment& environment) {
    if (const auto path = chosen_path(given, environment)) {
        return *path;
    }
    const std::string folder = runtime_folder(environment);
    const std::string of_user = folder + kFile;
    const std::string of_system = system_folder(environment) + kFile;
    const bool user_serves = is_folder_of(folder, environment.uid) && exists(of_user);
    return !user_serves && exists(of_system) ? of_system : of_user;
}

std::string remedy_for_closed_system(std::string_view path, const PathEnvironment& environment) {
    const std::string folder = system_folder(environment);
    struct stat status {};
    if (path != runtime_folder(environment) + kFile || ::stat((folder + kFile).c_str(), &status) == 0 ||
        errno != EACCES) {
        return {};
    }
    return "; " + folder + ", where the machine's own service may listen, is closed to this user: join its group";
}

std::string choose_listening_path(std::string_view given, const PathEnvironment& environment) {
    return chosen_path(given, environment).value_or(runtime_folder(environment) + kFile);
}

std::string default_socket_path(std::string_view given) {
    return choose_socket_path(given, PathEnvironment::of_process());
}

std::string default_listening_path(std::string_view given) {
    return choose_listening_path(given, PathEnvironment::of_process());
}

}  // namespace fastio::wire
