#include "support/cudart_emulator/descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "support/cudart_emulator/fatal.hpp"

namespace emulator {

int above_standard(int file) {
    const int copy = file < 0 ? -1 : ::fcntl(file, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        fatal("no descriptors left: %s", std::strerror(errno));
    }
    ::close(file);
    return copy;
}

}  // namespace emulator
