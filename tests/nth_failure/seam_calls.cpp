// The functions of libc that lead to the kernel, in the place of libc's own. Left out are those that cannot fail for
// want of anything: close and munmap, clocks, what asks for numbers of this process, and eventfds' and timers' words.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>

#include "seam.hpp"

namespace fastio::test {
namespace {

template <class Function>
Function libc(const char* name) noexcept {
    return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

/// How a call fails; 0 is never.
struct Ways {
    int memory = 0;
    int descriptors = 0;
    int interruption = 0;
};

int error_now(const char* call, Ways ways) noexcept {
    if (ways.memory != 0 && is_due(FaultKind::memory, call)) {
        return ways.memory;
    }
    if (ways.descriptors != 0 && is_due(FaultKind::descriptors, call)) {
        return ways.descriptors;
    }
    if (ways.interruption != 0 && is_due(FaultKind::interruption, call)) {
        return ways.interruption;
    }
    return 0;
}

bool fails(const char* call, Ways ways) noexcept {
    const int error = error_now(call, ways);
    if (error != 0) {
        errno = error;
    }
    return error != 0;
}

constexpr Ways kMakesDescriptor{.memory = ENOMEM, .descriptors = EMFILE};
constexpr Ways kOnDisk{.memory = ENOSPC};

/// eventfds, timers, signalfds: what the kernel keeps in a word cannot fail.
bool is_word(int fd) noexcept {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == 0;
}

}  // namespace

// FASTIO_SEAM(<result>, <name>, <parameters>, <arguments>, <result when it fails>, <ways>)
#define FASTIO_SEAM(Result, name, parameters, arguments, failed, ways) \
    extern "C" Result seam_##name parameters __asm__(#name);           \
    extern "C" Result seam_##name parameters {                         \
        static const auto real = libc<decltype(&seam_##name)>(#name);  \
        return fails(#name, ways) ? failed : real arguments;           \
    }

FASTIO_SEAM(void*, mmap, (void* at, std::size_t bytes, int access, int flags, int fd, off_t offset),
            (at, bytes, access, flags, fd, offset), reinterpret_cast<void*>(-1), (Ways{.memory = ENOMEM}))
FASTIO_SEAM(int, madvise, (void* at, std::size_t bytes, int advice), (at, bytes, advice), -1, (Ways{.memory = ENOMEM}))
FASTIO_SEAM(ssize_t, process_vm_readv,
            (pid_t pid, const iovec* to, unsigned long to_count, const iovec* from, unsigned long from_count,
             unsigned long flags),
            (pid, to, to_count, from, from_count, flags), -1, (Ways{.memory = ENOMEM}))
FASTIO_SEAM(int, memfd_create, (const char* name, unsigned flags), (name, flags), -1, kMakesDescriptor)
FASTIO_SEAM(int, ftruncate, (int fd, off_t bytes), (fd, bytes), -1, (Ways{.memory = EFBIG, .interruption = EINTR}))
FASTIO_SEAM(int, fallocate, (int fd, int mode, off_t offset, off_t bytes), (fd, mode, offset, bytes), -1,
            (Ways{.memory = ENOSPC, .interruption = EINTR}))
FASTIO_SEAM(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, kMakesDescriptor)
FASTIO_SEAM(int, socketpair, (int domain, int type, int protocol, int* ends), (domain, type, protocol, ends), -1,
            kMakesDescriptor)
FASTIO_SEAM(int, pipe2, (int* ends, int flags), (ends, flags), -1, kMakesDescriptor)
FASTIO_SEAM(int, bind, (int fd, const sockaddr* address, socklen_t bytes), (fd, address, bytes), -1, kOnDisk)
FASTIO_SEAM(int, listen, (int fd, int backlog), (fd, backlog), -1, (Ways{.memory = EADDRINUSE}))
FASTIO_SEAM(int, accept4, (int fd, sockaddr* address, socklen_t* bytes, int flags), (fd, address, bytes, flags), -1,
            (Ways{.memory = ENOBUFS, .descriptors = EMFILE, .interruption = EINTR}))
FASTIO_SEAM(int, connect, (int fd, const sockaddr* address, socklen_t bytes), (fd, address, bytes), -1,
            (Ways{.memory = ENOMEM, .interruption = EINTR}))
FASTIO_SEAM(ssize_t, sendmsg, (int fd, const msghdr* message, int flags), (fd, message, flags), -1,
            (Ways{.memory = ENOBUFS, .interruption = EINTR}))
FASTIO_SEAM(ssize_t, recvmsg, (int fd, msghdr* message, int flags), (fd, message, flags), -1,
            (Ways{.memory = ENOMEM, .interruption = EINTR}))
FASTIO_SEAM(ssize_t, send, (int fd, const void* data, std::size_t bytes, int flags), (fd, data, bytes, flags), -1,
            (Ways{.memory = ENOBUFS, .interruption = EINTR}))
FASTIO_SEAM(ssize_t, recv, (int fd, void* data, std::size_t bytes, int flags), (fd, data, bytes, flags), -1,
            (Ways{.memory = ENOMEM, .interruption = EINTR}))
FASTIO_SEAM(int, getsockopt, (int fd, int level, int option, void* value, socklen_t* bytes),
            (fd, level, option, value, bytes), -1, kMakesDescriptor)
FASTIO_SEAM(int, setsockopt, (int fd, int level, int option, const void* value, socklen_t bytes),
            (fd, level, option, value, bytes), -1, (Ways{.memory = ENOMEM}))
FASTIO_SEAM(int, epoll_create1, (int flags), (flags), -1, kMakesDescriptor)
FASTIO_SEAM(int, eventfd, (unsigned value, int flags), (value, flags), -1, kMakesDescriptor)
FASTIO_SEAM(int, timerfd_create, (int clock, int flags), (clock, flags), -1, kMakesDescriptor)
FASTIO_SEAM(int, signalfd, (int fd, const sigset_t* signals, int flags), (fd, signals, flags), -1, kMakesDescriptor)
FASTIO_SEAM(int, poll, (pollfd * entries, nfds_t count, int timeout), (entries, count, timeout), -1,
            (Ways{.memory = ENOMEM, .interruption = EINTR}))
FASTIO_SEAM(int, ppoll, (pollfd * entries, nfds_t count, const timespec* timeout, const sigset_t* signals),
            (entries, count, timeout, signals), -1, (Ways{.memory = ENOMEM, .interruption = EINTR}))
FASTIO_SEAM(int, flock, (int fd, int operation), (fd, operation), -1, (Ways{.memory = ENOLCK, .interruption = EINTR}))
FASTIO_SEAM(ssize_t, getrandom, (void* data, std::size_t bytes, unsigned flags), (data, bytes, flags), -1,
            (Ways{.memory = ENOSYS}))
FASTIO_SEAM(int, mkdir, (const char* path, mode_t mode), (path, mode), -1, kOnDisk)
FASTIO_SEAM(char*, mkdtemp, (char* path), (path), nullptr, kOnDisk)
FASTIO_SEAM(int, chmod, (const char* path, mode_t mode), (path, mode), -1, kOnDisk)
FASTIO_SEAM(int, chown, (const char* path, uid_t user, gid_t group), (path, user, group), -1, kOnDisk)
FASTIO_SEAM(int, fchmodat, (int folder, const char* path, mode_t mode, int flags), (folder, path, mode, flags), -1,
            kOnDisk)
FASTIO_SEAM(int, fchownat, (int folder, const char* path, uid_t user, gid_t group, int flags),
            (folder, path, user, group, flags), -1, kOnDisk)
FASTIO_SEAM(int, renameat, (int from_folder, const char* from, int to_folder, const char* to),
            (from_folder, from, to_folder, to), -1, kOnDisk)
FASTIO_SEAM(int, unlinkat, (int folder, const char* path, int flags), (folder, path, flags), -1, kOnDisk)
FASTIO_SEAM(int, fstatat, (int folder, const char* path, struct stat* status, int flags), (folder, path, status, flags),
            -1, (Ways{.memory = ENOMEM}))
FASTIO_SEAM(int, stat, (const char* path, struct stat* status), (path, status), -1, (Ways{.memory = ENOMEM}))
FASTIO_SEAM(int, lstat, (const char* path, struct stat* status), (path, status), -1, (Ways{.memory = ENOMEM}))
FASTIO_SEAM(ssize_t, readlink, (const char* path, char* text, std::size_t bytes), (path, text, bytes), -1,
            (Ways{.memory = ENOMEM}))
FASTIO_SEAM(int, getrlimit, (int resource, void* limit), (resource, limit), -1, (Ways{.memory = EPERM}))
FASTIO_SEAM(int, setrlimit, (int resource, const void* limit), (resource, limit), -1, (Ways{.memory = EPERM}))
FASTIO_SEAM(int, getgrnam_r, (const char* name, group* entry, char* data, std::size_t bytes, group** found),
            (name, entry, data, bytes, found), ENOMEM, kMakesDescriptor)
FASTIO_SEAM(FILE*, fopen64, (const char* path, const char* mode), (path, mode), nullptr, kMakesDescriptor)
FASTIO_SEAM(FILE*, fopen, (const char* path, const char* mode), (path, mode), nullptr, kMakesDescriptor)
FASTIO_SEAM(DIR*, opendir, (const char* path), (path), nullptr, kMakesDescriptor)
FASTIO_SEAM(DIR*, fdopendir, (int fd), (fd), nullptr, (Ways{.memory = ENOMEM}))
FASTIO_SEAM(int, nanosleep, (const timespec* time, timespec* left), (time, left), -1, (Ways{.interruption = EINTR}))
FASTIO_SEAM(int, pthread_create,
            (pthread_t * thread, const pthread_attr_t* attributes, void* (*function)(void*), void* argument),
            (thread, attributes, function, argument), EAGAIN, (Ways{.memory = EAGAIN}))
FASTIO_SEAM(int, __register_atfork, (void (*before)(), void (*parent)(), void (*child)(), void* owner),
            (before, parent, child, owner), ENOMEM, (Ways{.memory = ENOMEM}))

#undef FASTIO_SEAM

extern "C" {

// Only an added descriptor takes memory.
int seam_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) __asm__("epoll_ctl");
int seam_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
    static const auto real = libc<decltype(&seam_epoll_ctl)>("epoll_ctl");
    if (operation == EPOLL_CTL_ADD && fails("epoll_ctl", {.memory = ENOMEM})) {
        return -1;
    }
    return real(epoll, operation, fd, event);
}

// SIGUSR1, which the service blocks, ends a wait, so that a test can ask for a round.
int seam_epoll_wait(int epoll, epoll_event* events, int count, int timeout) __asm__("epoll_wait");
int seam_epoll_wait(int epoll, epoll_event* events, int count, int timeout) {
    count_round();
    if (fails("epoll_wait", {.interruption = EINTR})) {
        return -1;
    }
    sigset_t waiting;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &waiting);
    sigdelset(&waiting, SIGUSR1);
    return ::epoll_pwait(epoll, events, count, timeout, &waiting);
}

int seam_open(const char* path, int flags, ...) __asm__("open");
int seam_open(const char* path, int flags, ...) {
    static const auto real = libc<decltype(&seam_open)>("open");
    std::va_list more;
    va_start(more, flags);
    const unsigned mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, unsigned) : 0;
    va_end(more);
    return fails("open", kMakesDescriptor) ? -1 : real(path, flags, mode);
}

int seam_openat(int folder, const char* path, int flags, ...) __asm__("openat");
int seam_openat(int folder, const char* path, int flags, ...) {
    static const auto real = libc<decltype(&seam_openat)>("openat");
    std::va_list more;
    va_start(more, flags);
    const unsigned mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, unsigned) : 0;
    va_end(more);
    return fails("openat", kMakesDescriptor) ? -1 : real(folder, path, flags, mode);
}

int seam_fcntl(int fd, int command, ...) __asm__("fcntl");
int seam_fcntl(int fd, int command, ...) {
    static const auto real = libc<decltype(&seam_fcntl)>("fcntl");
    std::va_list more;
    va_start(more, command);
    void* const argument = va_arg(more, void*);
    va_end(more);
    const bool duplicates = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    const bool seals = command == F_ADD_SEALS;
    if ((duplicates && fails("fcntl F_DUPFD", kMakesDescriptor)) || (seals && fails("fcntl seal", {.memory = EBUSY}))) {
        return -1;
    }
    return real(fd, command, argument);
}

ssize_t seam_read(int fd, void* data, std::size_t bytes) __asm__("read");
ssize_t seam_read(int fd, void* data, std::size_t bytes) {
    static const auto real = libc<decltype(&seam_read)>("read");
    return !is_word(fd) && fails("read", {.memory = EIO, .interruption = EINTR}) ? -1 : real(fd, data, bytes);
}

ssize_t seam_write(int fd, const void* data, std::size_t bytes) __asm__("write");
ssize_t seam_write(int fd, const void* data, std::size_t bytes) {
    static const auto real = libc<decltype(&seam_write)>("write");
    return !is_word(fd) && fails("write", {.memory = ENOSPC, .interruption = EINTR}) ? -1 : real(fd, data, bytes);
}

long seam_syscall(long number, ...) __asm__("syscall");
long seam_syscall(long number, ...) {
    static const auto real = libc<decltype(&seam_syscall)>("syscall");
    std::va_list more;
    va_start(more, number);
    long a[6];
    for (long& argument : a) {
        argument = va_arg(more, long);
    }
    va_end(more);
    constexpr long kFutexWaitv = 449;
    constexpr long kCommandMask = 0x7f;  // FUTEX_CMD_MASK, less what is private
    constexpr long kWait = 0;
    constexpr long kWaitBitset = 9;
    const bool waits = number == SYS_futex && ((a[1] & kCommandMask) == kWait || (a[1] & kCommandMask) == kWaitBitset);
    if (number == SYS_pidfd_open && fails("pidfd_open", kMakesDescriptor)) {
        return -1;
    }
    if (number == kFutexWaitv && fails("futex_waitv", {.memory = ENOMEM, .interruption = EINTR})) {
        return -1;
    }
    if (waits && fails("futex wait", {.interruption = EINTR})) {
        return -1;
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

}  // extern "C"

}  // namespace fastio::test
