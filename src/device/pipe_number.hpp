#pragma once

#include <cstdint>
#include <optional>

namespace fastio {

/// The inode number of an anonymous pipe (pipe(2), not a FIFO of some file system) to which /proc/PID/fd/N leads; empty
/// for every other file, and, with errno set, where `link` cannot be read. No file system is asked anything but /proc:
/// fstat may wait for as long as the owner of a FUSE file likes.
[[nodiscard]] std::optional<std::uint64_t> pipe_number(const char* link) noexcept;
/// Of a descriptor of this process.
[[nodiscard]] std::optional<std::uint64_t> pipe_number(int fd) noexcept;

}  // namespace fastio
