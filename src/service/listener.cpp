#include "service/listener.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "core/fail.hpp"
#include "device/process_limits.hpp"

namespace fastio::service {
namespace {

constexpr int kBacklog = 128;

[[noreturn]] void fail_io(const char* what, const std::string& path) {
    const int error = errno;
    fail(error == EACCES || error == EPERM ? Errc::permission_denied : Errc::io_error, "could not {} '{}': {} ({})",
         what, path, std::strerror(error), error);
}

std::optional<unsigned> group_id(const std::optional<std::string>& name) {
    if (!name) {
        return std::nullopt;
    }
    std::vector<char> buffer(16'384);
    group entry{};
    group* found = nullptr;
    if (::getgrnam_r(name->c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
        fail(Errc::invalid_argument, "there is no group '{}': give --group the name of one", *name);
    }
    return found->gr_gid;
}

Descriptor open_folder(const std::string& path, std::optional<unsigned> group) {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);  // else mkdir says why not
    const bool made = ::mkdir(path.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) {
        fail_io("make the folder", path);
    }
    Descriptor folder{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    struct stat status {};
    if (!folder || ::fstat(folder.get(), &status) != 0) {
        fail_io("open the folder", path);
    }
    // Who owns the folder can put another socket into our place. /tmp and its like are root's and sticky.
    if (status.st_uid != ::geteuid() && status.st_uid != 0) {
        fail(Errc::permission_denied,
             "the folder '{}' belongs to user {}, not to {}: give --socket a folder of your own", path, status.st_uid,
             ::geteuid());
    }
    if (made && group) {
        // Of what was opened, whatever has its name by now.
        const std::string opened = fmt::format("/proc/self/fd/{}", folder.get());
        if (::fchownat(folder.get(), "", static_cast<uid_t>(-1), *group, AT_EMPTY_PATH) != 0 ||
            ::chmod(opened.c_str(), 0750) != 0) {
            fail_io("give the group its right on the folder", path);
        }
    }
    return folder;
}

}  // namespace

Listener::Listener(std::string path, const std::optional<std::string>& group, bool let_descriptors_in)
    : path_(std::move(path)) {
    if (path_.empty() || path_.size() >= sizeof(sockaddr_un{}.sun_path) || path_.find('\0') != std::string::npos) {
        fail(Errc::invalid_argument, "the socket's path '{}' has {} bytes, and it must have 1 to {} without NUL", path_,
             path_.size(), sizeof(sockaddr_un{}.sun_path) - 1);
    }
    const auto absolute = std::filesystem::absolute(path_);
    name_ = absolute.filename();
    if (name_.empty()) {
        fail(Errc::invalid_argument, "the socket's path '{}' names a folder: add a file name", path_);
    }
    const std::optional<unsigned> gid = group_id(group);
    folder_ = open_folder(absolute.parent_path(), gid);
    if (in_folder(unfinished()).size() >= sizeof(sockaddr_un{}.sun_path)) {
        fail(Errc::invalid_argument, "the socket's name '{}' has {} bytes: give a shorter one", name_, name_.size());
    }
    lock();
    remove_stale();
    bind(gid, let_descriptors_in);
}

Listener::~Listener() {
    ::unlinkat(folder_.get(), name_.c_str(), 0);
    // Under the lock: whoever opened this file before sees, after it got the lock, that it is not the one of that name.
    ::unlinkat(folder_.get(), (name_ + ".lock").c_str(), 0);
}

void Listener::lock() {
    const std::string name = name_ + ".lock";
    for (;;) {
        lock_ = Descriptor{::openat(folder_.get(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (!lock_) {
            fail_io("open the lock file", path_ + ".lock");
        }
        if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) {
                fail(Errc::already_exists,
                     "a service already listens at '{}' (it has the lock '{}.lock'): use it, or give another --socket",
                     path_, path_);
            }
            fail_io("lock", path_ + ".lock");
        }
        struct stat mine {};
        struct stat named {};
        if (::fstat(lock_.get(), &mine) == 0 &&
            ::fstatat(folder_.get(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 && mine.st_ino == named.st_ino &&
            mine.st_dev == named.st_dev) {
            return;
        }
        // The service that had it removed it on its way out; the next turn makes a new one.
    }
}

std::string Listener::in_folder(const std::string& name) const {
    return fmt::format("/proc/self/fd/{}/{}", folder_.get(), name);
}

std::string Listener::unfinished() const {
    return "." + name_ + ".new";
}

void Listener::remove_stale() const {
    struct stat status {};
    if (::fstatat(folder_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return;
    }
    if (!S_ISSOCK(status.st_mode)) {
        fail(Errc::already_exists, "'{}' exists and is no socket: remove it, or give another --socket", path_);
    }
    bool answered = true;
    try {
        (void)wire::Socket::connect(in_folder(name_));
    } catch (const Error&) {
        answered = false;
    }
    if (answered) {
        fail(Errc::already_exists,
             "somebody answers at '{}' without its lock: end that program, or give another --socket", path_);
    }
    ::unlinkat(folder_.get(), name_.c_str(), 0);
}

void Listener::bind(std::optional<unsigned> group, bool let_descriptors_in) {
    socket_ = Descriptor{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket_) {
        fail_io("make the socket", path_);
    }
    if (!let_descriptors_in) {
        wire::refuse_descriptors(socket_.get());
    }
    const std::string name = unfinished();
    ::unlinkat(folder_.get(), name.c_str(), 0);
    const std::string by_folder = in_folder(name);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, by_folder.data(), by_folder.size());
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        fail_io("bind the socket", path_);
    }
    const bool owned = !group || ::fchownat(folder_.get(), name.c_str(), static_cast<uid_t>(-1), *group, 0) == 0;
    if (!owned || ::fchmodat(folder_.get(), name.c_str(), group ? 0660 : 0600, 0) != 0 ||
        ::listen(socket_.get(), kBacklog) != 0 ||
        ::renameat(folder_.get(), name.c_str(), folder_.get(), name_.c_str()) != 0) {
        const int error = errno;
        ::unlinkat(folder_.get(), name.c_str(), 0);
        errno = error;
        fail_io("open the socket", path_);
    }
}

Listener::Accepted Listener::accept(wire::Socket& socket) noexcept {
    spare_.keep();
    const int fd = ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
        socket = wire::Socket{Descriptor{fd}};
        return Accepted::connection;
    }
    if (errno == EMFILE || errno == ENFILE) {
        refuse();
        return Accepted::refused;
    }
    return Accepted::nothing;
}

void Listener::refuse() noexcept {
    std::string why;
    try {
        why = "the service has no file descriptor left: raise its limit of " + limit_of_open_files();
    } catch (const std::bad_alloc&) {  // then without a reason
    }
    spare_.lend([&] {
        wire::Socket refused{Descriptor{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)}};
        if (refused) {
            wire::Failure failure{};
            failure.code = static_cast<std::int32_t>(Errc::quota_exceeded);
            wire::set_text(failure.message, why);
            refused.send(failure, {}, false);
        }
    });
}

}  // namespace fastio::service
