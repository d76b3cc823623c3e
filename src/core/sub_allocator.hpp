#pragma once

#include <cstdint>
#include <optional>

namespace fastio {

/// A block inside one slab: `size` is what the block takes, at least what was asked for.
struct Block {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint32_t node = 0;  ///< the allocator's own handle; pass it back unchanged
};

struct SubAllocatorStats {
    std::uint64_t capacity = 0;            ///< bytes
    std::uint64_t used = 0;                ///< bytes in blocks
    std::uint64_t blocks = 0;              ///< live
    std::uint64_t free_blocks = 0;
    std::uint64_t largest_free_block = 0;  ///< bytes
};

// SubAllocator is defined here by the core's author; see the class for its promises.

}  // namespace fastio
