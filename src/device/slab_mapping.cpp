#include "device/slab_mapping.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "core/fail.hpp"
#include "core/limits.hpp"
#include "device/memfd.hpp"

// Linux 6.1; Debian 12's C library does not have it.
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace fastio {
namespace {

constexpr std::size_t kPageBytes = 4096;

[[noreturn]] void fail_mapping(std::uint64_t bytes, Errc code, int error) {
    fail(error == ENOMEM ? code : Errc::io_error, "could not map a slab of {} bytes: {} ({}){}", bytes,
         std::strerror(error), error,
         error == ENOMEM ? "; check the limits of address space (ulimit -v) and of mappings (vm.max_map_count)" : "");
}

}  // namespace

void* map_slab(int fd, std::uint64_t bytes, Errc code) {
    // Linux gives no aligned addresses for the asking: take a range that is larger by one alignment, put the slab over
    // its aligned part, give the rest back.
    const std::uint64_t range_bytes = bytes + kMaxAlignment;
    void* const range = ::mmap(nullptr, range_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) {
        fail_mapping(bytes, code, errno);
    }
    auto* const start = static_cast<std::byte*>(range);
    const std::uint64_t misaligned = reinterpret_cast<std::uintptr_t>(start) % kMaxAlignment;
    const std::uint64_t before = misaligned == 0 ? 0 : kMaxAlignment - misaligned;
    std::byte* const aligned = start + before;
    if (::mmap(aligned, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
        const int error = errno;
        ::munmap(range, range_bytes);
        fail_mapping(bytes, code, error);
    }
    if (before != 0) {
        ::munmap(start, before);
    }
    ::munmap(aligned + bytes, kMaxAlignment - before);
    return aligned;
}

Collapse collapse(void* data, std::uint64_t offset) noexcept {
    std::byte* const start = static_cast<std::byte*>(data) + offset;
    // Linux 6.1 refuses a range of which this mapping has seen no page, as if it could never be; 6.18 does not.
    ::madvise(start, kPageBytes, MADV_POPULATE_READ);
    if (::madvise(start, kSlabGranularity, MADV_COLLAPSE) == 0) {
        return Collapse::done;
    }
    return errno == EINVAL ? Collapse::never : Collapse::not_now;  // EAGAIN, EBUSY, ENOMEM
}

std::uint64_t allocate_slab(int fd, void* data, std::uint64_t bytes, std::chrono::steady_clock::time_point until) {
    // The kernel refuses to collapse a range without any page. What is missing beside the first one it clears in the
    // huge page itself, so that nothing is copied.
    std::uint64_t huge = 0;
    while (huge < bytes && std::chrono::steady_clock::now() < until) {
        if (::fallocate(fd, 0, static_cast<off_t>(huge), kPageBytes) != 0) {
            if (errno == EINTR) {
                continue;
            }
            break;  // reserve_pages says why
        }
        if (collapse(data, huge) != Collapse::done) {
            break;
        }
        huge += kSlabGranularity;
    }
    // All of it: passes over what is there, and a machine whose huge pages are larger than 2 MiB may have said of 2 MiB
    // that they are done.
    reserve_pages(fd, 0, bytes);
    return huge;
}

void unmap_slab(void* data, std::uint64_t bytes) noexcept {
    ::munmap(data, bytes);
}

}  // namespace fastio
