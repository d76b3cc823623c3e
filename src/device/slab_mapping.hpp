#pragma once

#include <chrono>
#include <cstdint>

#include <fastio/error.hpp>

namespace fastio {

/// Maps the first `bytes` of `fd` read-write and shared, at an address that is a multiple of 2 MiB: an allocation's
/// alignment is one of its offset in the slab, so the slab's start must be aligned as far as any allocation may ask
/// (kMaxAlignment). Errors: `code` where address space or mappings are used up, else io_error.
[[nodiscard]] void* map_slab(int fd, std::uint64_t bytes, Errc code);

/// What became of 2 MiB that the kernel was asked to put into one huge page.
enum class Collapse : std::uint8_t {
    done,
    not_now,  ///< it found none, or somebody used them just then
    never,    ///< before Linux 6.1, or shared memory is denied them (/sys/kernel/mm/transparent_hugepage/shmem_enabled)
};

/// Has the kernel put the 2 MiB at `offset` of a mapped slab, of which it has one page at least, into one huge page.
[[nodiscard]] Collapse collapse(void* data, std::uint64_t offset) noexcept;

/// Allocates the memory of a slab that map_slab has just mapped, cleared, so that a later store cannot fail: in huge
/// pages until the kernel does not give one or `until` has passed, and from there on in small ones. Gives how many
/// bytes are in huge ones. Errors: as reserve_pages.
[[nodiscard]] std::uint64_t allocate_slab(int fd, void* data, std::uint64_t bytes,
                                          std::chrono::steady_clock::time_point until);

void unmap_slab(void* data, std::uint64_t bytes) noexcept;

}  // namespace fastio
