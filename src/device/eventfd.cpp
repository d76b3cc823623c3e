#include "device/eventfd.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>

#include "core/fail.hpp"
#include "device/process_limits.hpp"

namespace fastio {

Descriptor make_eventfd() {
    Descriptor event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!event) {
        const int error = errno;
        fail(Errc::io_error, "could not make an eventfd: {} ({}){}", std::strerror(error), error,
             remedy_for_descriptors(error));
    }
    return event;
}

}  // namespace fastio
