#pragma once

#include "device/descriptor.hpp"

namespace fastio::test {

/// Both ends close-on-exec; pass them to a child through ChildOptions::descriptors.
struct Pipe {
    Descriptor read{};
    Descriptor write{};
};
[[nodiscard]] Pipe make_pipe();

/// Writes one byte, which lets one wait_for_byte on the other end return.
void send_byte(int write_end, char byte = '.');
/// Blocks until a byte comes and returns it. Throws std::runtime_error when every write end is closed.
char wait_for_byte(int read_end);
/// Blocks until every write end is closed. Throws std::runtime_error when a byte comes instead.
void wait_for_end(int read_end);
/// Blocks until poll says POLLIN, or the other side hung up.
void wait_until_readable(int fd);
/// The same question, without waiting.
[[nodiscard]] bool is_readable(int fd);

}  // namespace fastio::test
