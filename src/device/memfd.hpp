#pragma once

#include <cstdint>

#include "device/descriptor.hpp"

namespace fastio {

/// An anonymous shared memory file of `bytes`, sealable, close-on-exec. Errors: io_error, out_of_memory.
[[nodiscard]] Descriptor make_memfd(const char* name, std::uint64_t bytes);

/// Allocates the pages of a range now, so that a later store cannot fail. For a file that nobody else has yet: it waits
/// for the file's locks. Errors: out_of_memory, io_error.
void reserve_pages(int fd, std::uint64_t offset, std::uint64_t bytes);

/// No shrinking, no growing, and no further seals: the other side cannot make our accesses fault.
void seal_size(int fd);

/// seal_size, and no new writable mappings or writes by anybody; mappings that exist keep their access. Call after the
/// one writer mapped it (F_SEAL_FUTURE_WRITE, Linux 5.1).
void seal_against_new_writers(int fd);

/// The size of the file, for checking what came over a socket. Errors: io_error.
[[nodiscard]] std::uint64_t file_bytes(int fd);

/// True when `fd` is a memfd with at least the seals of seal_size.
[[nodiscard]] bool has_size_seals(int fd) noexcept;

}  // namespace fastio
