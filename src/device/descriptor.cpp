#include "device/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/fail.hpp"
#include "device/process_limits.hpp"

namespace fastio {

void Descriptor::close() noexcept {
    // Callers report the errno of what failed before, often after a destructor ran. Linux closes the descriptor even
    // when close returns EINTR, so there is nothing to repeat.
    const int saved = errno;
    ::close(std::exchange(fd_, -1));
    errno = saved;
}

Descriptor Descriptor::duplicate() const {
    const int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        const int error = errno;
        fail(Errc::io_error, "could not duplicate descriptor {}: {} ({}){}", fd_, std::strerror(error), error,
             remedy_for_descriptors(error));
    }
    return Descriptor{copy};
}

}  // namespace fastio
