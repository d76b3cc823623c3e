#include "device/memfd.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "core/fail.hpp"
#include "device/process_limits.hpp"

// Linux 6.3; Debian 12's headers do not have it.
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace fastio {
namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;

Errc code_of(int error) noexcept {
    return error == ENOSPC || error == ENOMEM || error == EFBIG ? Errc::out_of_memory : Errc::io_error;
}

void add_seals(int fd, int seals) {
    if (::fcntl(fd, F_ADD_SEALS, seals) != 0) {
        const int error = errno;
        fail(Errc::io_error, "could not seal descriptor {} (seals {:#x}): {} ({}){}", fd, static_cast<unsigned>(seals),
             std::strerror(error), error, error == EINVAL ? "; Fast I/O needs a memfd and Linux 5.1 or later" : "");
    }
}

}  // namespace

Descriptor make_memfd(const char* name, std::uint64_t bytes) {
    if (bytes > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
        fail(Errc::out_of_memory, "could not make the memory file '{}' of {} bytes: a file has at most {} bytes", name,
             bytes, std::numeric_limits<off_t>::max());
    }
    constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    // Where vm.memfd_noexec is 2 the kernel refuses files that could be executed; before Linux 6.3 it refuses the flag.
    Descriptor file{::memfd_create(name, kFlags | MFD_NOEXEC_SEAL)};
    if (!file && errno == EINVAL) {
        file = Descriptor{::memfd_create(name, kFlags)};
    }
    if (!file) {
        const int error = errno;
        fail(code_of(error), "could not make the memory file '{}' of {} bytes: {} ({}){}", name, bytes,
             std::strerror(error), error, remedy_for_descriptors(error));
    }
    int result = 0;
    do {
        result = ::ftruncate(file.get(), static_cast<off_t>(bytes));
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        const int error = errno;
        fail(code_of(error), "could not give the memory file '{}' its {} bytes: {} ({}){}", name, bytes,
             std::strerror(error), error, error == EFBIG ? "; raise the limit of the size of files (ulimit -f)" : "");
    }
    return file;
}

void reserve_pages(int fd, std::uint64_t offset, std::uint64_t bytes) {
    // In steps: a signal makes the kernel undo the whole call, and with a timer of signals a long one would never end.
    constexpr std::uint64_t kStep = std::uint64_t{64} << 20;
    for (std::uint64_t done = 0; done < bytes;) {
        const std::uint64_t step = std::min(bytes - done, kStep);
        if (::fallocate(fd, 0, static_cast<off_t>(offset + done), static_cast<off_t>(step)) == 0) {
            done += step;
            continue;
        }
        const int error = errno;
        if (error == EINTR) {
            continue;
        }
        fail(code_of(error), "could not reserve {} bytes at {} of shared memory, after {} of them: {} ({}){}", bytes,
             offset, done, std::strerror(error), error,
             code_of(error) == Errc::out_of_memory ? "; free some memory or raise the memory limit of this process"
                                                   : "");
    }
}

void seal_size(int fd) {
    add_seals(fd, kSizeSeals | F_SEAL_SEAL);
}

void seal_against_new_writers(int fd) {
    add_seals(fd, kSizeSeals | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
}

std::uint64_t file_bytes(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        const int error = errno;
        fail(Errc::io_error, "could not read the size of descriptor {}: {} ({})", fd, std::strerror(error), error);
    }
    return static_cast<std::uint64_t>(status.st_size);
}

bool has_size_seals(int fd) noexcept {
    const int seals = ::fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & kSizeSeals) == kSizeSeals;
}

}  // namespace fastio
