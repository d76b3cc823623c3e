#include "support/pipe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

namespace fastio::test {
namespace {

[[noreturn]] void fail_os(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::optional<char> read_byte(int read_end) {
    for (;;) {
        char byte = 0;
        const ssize_t got = ::read(read_end, &byte, 1);
        if (got == 1) {
            return byte;
        }
        if (got == 0) {
            return std::nullopt;
        }
        if (errno != EINTR) {
            fail_os("read from a pipe");
        }
    }
}

int poll_readable(int fd, int timeout_ms) {
    for (;;) {
        pollfd entry{fd, POLLIN, 0};
        const int ready = ::poll(&entry, 1, timeout_ms);
        if (ready >= 0) {
            return ready;
        }
        if (errno != EINTR) {
            fail_os("poll");
        }
    }
}

}  // namespace

Pipe make_pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        fail_os("make a pipe");
    }
    return {Descriptor{ends[0]}, Descriptor{ends[1]}};
}

void send_byte(int write_end, char byte) {
    while (::write(write_end, &byte, 1) != 1) {
        if (errno != EINTR) {
            fail_os("write to a pipe");
        }
    }
}

char wait_for_byte(int read_end) {
    const std::optional<char> byte = read_byte(read_end);
    if (!byte) {
        throw std::runtime_error("a pipe ended where a byte was awaited: did the other process die?");
    }
    return *byte;
}

void wait_for_end(int read_end) {
    if (const std::optional<char> byte = read_byte(read_end)) {
        throw std::runtime_error(std::string("a pipe gave '") + *byte + "' where its end was awaited");
    }
}

void wait_until_readable(int fd) {
    poll_readable(fd, -1);
}

bool is_readable(int fd) {
    return poll_readable(fd, 0) > 0;
}

}  // namespace fastio::test
