#include "wire/process.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "core/fail.hpp"
#include "device/process_limits.hpp"

namespace fastio::wire {

std::optional<std::uint64_t> start_ticks(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(file, line)) {
        return std::nullopt;
    }
    // Field 2 is the program's name in parentheses and may contain both spaces and parentheses.
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream rest(line.substr(name_end + 1));
    std::string skipped;
    for (int field = 3; field < 22; ++field) {
        rest >> skipped;
    }
    std::uint64_t ticks = 0;
    if (!(rest >> ticks)) {
        return std::nullopt;
    }
    return ticks;
}

Descriptor open_pidfd(pid_t pid) {
    if (pid <= 0) {
        fail(Errc::permission_denied,
             "could not watch the process with pid {}: it lives in another PID namespace, and this kernel cannot pass "
             "its "
             "pidfd; use Linux 6.5 or later, or share the PID namespace",
             pid);
    }
    const std::optional<std::uint64_t> before = start_ticks(pid);
    Descriptor descriptor{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))};
    if (!descriptor) {
        const int error = errno;
        fail(Errc::io_error, "could not open a pidfd of process {}: {} ({}){}", pid, std::strerror(error), error,
             remedy_for_descriptors(error));
    }
    if (!before || start_ticks(pid) != before) {
        fail(Errc::io_error,
             "could not watch process {}: it ended while its pidfd was opened, or its start could not be read: is the "
             "limit of {} reached?",
             pid, limit_of_open_files());
    }
    return descriptor;
}

}  // namespace fastio::wire
