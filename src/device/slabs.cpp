#include "device/slabs.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "core/fail.hpp"
#include "core/limits.hpp"

namespace fastio {

SlabId random_slab_id() {
    SlabId id{};
    // Up to 256 bytes come whole and cannot be interrupted once the kernel has its entropy (getrandom(2)).
    if (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
        const int error = errno;
        fail(Errc::io_error, "could not draw {} random bytes to name a slab: {} ({})", id.size(), std::strerror(error),
             error);
    }
    return id;
}

void check_slab_size(std::uint64_t bytes) {
    if (bytes == 0 || bytes % kSlabGranularity != 0) {
        fail(Errc::invalid_argument, "a slab of {} bytes was asked for: its size must be a positive multiple of {}",
             bytes, kSlabGranularity);
    }
}

void fail_not_owned(const OwnedSlab& slab) {
    fail(Errc::device_error,
         "could not release the slab of {} bytes at {}: this process owns no such slab, or released it before",
         slab.bytes, slab.data);
}

}  // namespace fastio
