#pragma once

#include <cstdint>

#include <fastio/error.hpp>

namespace fastio {

/// Maps the first `bytes` of `fd` read-write and shared, at an address that is a multiple of 2 MiB: an allocation's
/// alignment is one of its offset in the slab, so the slab's start must be aligned as far as any allocation may ask
/// (kMaxAlignment). Errors: `code` where address space or mappings are used up, else io_error.
[[nodiscard]] void* map_slab(int fd, std::uint64_t bytes, Errc code);

/// Has the kernel put the 2 MiB at `offset` of a mapped slab into one huge page, if it finds one. False where it cannot
/// do that for any: before Linux 6.1, or where shared memory is denied huge pages
/// (/sys/kernel/mm/transparent_hugepage/shmem_enabled).
[[nodiscard]] bool collapse(void* data, std::uint64_t offset) noexcept;

void unmap_slab(void* data, std::uint64_t bytes) noexcept;

}  // namespace fastio
