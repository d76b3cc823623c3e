#pragma once

#include <cstdint>

#include "device/device_memory.hpp"
#include "device/own_slabs.hpp"

/// What owners of slabs have in common.
namespace fastio {

/// A name that no other slab has. Errors: io_error.
[[nodiscard]] SlabId random_slab_id();

/// Errors: invalid_argument (not a positive multiple of 2 MiB).
void check_slab_size(std::uint64_t bytes);

/// Throws device_error: this process does not own the slab, or released it before.
[[noreturn]] void fail_not_owned(const OwnedSlab& slab);

}  // namespace fastio
