#include "device/eventfd.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>

#include "core/fail.hpp"
#include "device/process_limits.hpp"

namespace fastio {

EventFd::EventFd() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!descriptor_) {
        const int error = errno;
        fail(Errc::io_error, "could not make an eventfd: {} ({}){}", std::strerror(error), error,
             remedy_for_descriptors(error));
    }
}

void EventFd::set() noexcept {
    // Its counter is full only where nobody has cleared it for a very long time, and readable then.
    [[maybe_unused]] const int written = ::eventfd_write(get(), 1);
}

void EventFd::clear() noexcept {
    eventfd_t count = 0;
    [[maybe_unused]] const int got = ::eventfd_read(get(), &count);
}

}  // namespace fastio
