#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/limits.hpp"
#include "core/size_classes.hpp"

namespace fastio {

/// A block inside one slab: `size` is what the block takes, at least what was asked for.
struct Block {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint32_t node = 0;  ///< the allocator's own handle; pass it back unchanged
};

struct SubAllocatorStats {
    std::uint64_t capacity = 0;  ///< bytes
    std::uint64_t used = 0;      ///< bytes in blocks
    std::uint64_t blocks = 0;    ///< live
    std::uint64_t free_blocks = 0;
    std::uint64_t largest_free_block = 0;  ///< bytes
};

/// Carves blocks out of one slab. Works on offsets only and never touches the slab's memory. Two-level segregated fit
/// (Masmano et al., "TLSF: a new dynamic memory allocator for real-time systems", ECRTS 2004), with two changes: a
/// request is not rounded up to a class, so that its own class is searched before a larger one, and the search takes
/// the best of a few free blocks instead of the first.
///
/// *Promise.* A request is refused only if no free block can hold it at its alignment. So an empty allocator gives all
/// of itself in one piece, and a request of largest_free_block() bytes at 256 bytes alignment always succeeds.
///
/// *Thread safety:* none; the owner locks.
///
/// *Invariants.*
/// 1. The nodes that are not spare, linked by `before` and `after`, cover the slab in order of offset without a gap.
/// 2. No two neighbours are both free.
/// 3. A node is in the free list of class_of(its size) exactly when it is free.
/// 4. Offsets and sizes are multiples of 256 bytes, and no size is 0.
class SubAllocator {
public:
    /// `capacity` in bytes, a positive multiple of 256 below 2^63. Errors: invalid_argument.
    explicit SubAllocator(std::uint64_t capacity);
    SubAllocator(SubAllocator&&) noexcept = default;  ///< the other may then only be assigned to or destroyed
    SubAllocator& operator=(SubAllocator&&) noexcept = default;
    SubAllocator(const SubAllocator&) = delete;
    SubAllocator& operator=(const SubAllocator&) = delete;
    ~SubAllocator() = default;

    /// A block of at least `size` bytes whose offset is a multiple of `alignment`; empty if none fits. The block is
    /// `size` rounded up to 256 bytes. Errors: invalid_argument (0 bytes; an alignment that is no power of two from 256
    /// bytes to 2 MiB). Cost: O(1); a refusal may first walk the free blocks of the classes near the request's.
    [[nodiscard]] std::optional<Block> allocate(std::uint64_t size, std::uint64_t alignment = kMinAlignment);

    /// Takes a block back and joins it with free neighbours at once. Errors: invalid_argument for what is not a live
    /// block of this allocator, a block freed twice included (unless the same place was given out again in between);
    /// nothing was changed then. Cost: O(1).
    void free(const Block& block);

    [[nodiscard]] std::uint64_t capacity() const noexcept { return capacity_; }
    /// True while no block is live.
    [[nodiscard]] bool empty() const noexcept { return blocks_ == 0; }
    /// Bytes; 0 if nothing is free. Cost: the free blocks of the highest class that has any.
    [[nodiscard]] std::uint64_t largest_free_block() const noexcept;
    /// Cost: that of largest_free_block().
    [[nodiscard]] SubAllocatorStats stats() const noexcept;

private:
    /// 32 bytes, so that two share a cache line. Neighbours and list links are indices into nodes_.
    struct Node {
        std::uint64_t offset;
        std::uint64_t size;
        std::uint32_t before;     ///< the neighbour at a lower offset, or kNone
        std::uint32_t after;      ///< the neighbour at a higher offset, or kNone; next spare node while spare
        std::uint32_t list_prev;  ///< in the class's list, or kNone at its head; kUsed or kSpare outside lists
        std::uint32_t list_next;  ///< in the class's list, or kNone at its end
    };
    static_assert(sizeof(Node) == 32);

    static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
    static constexpr std::uint32_t kUsed = 0xFFFF'FFFE;
    static constexpr std::uint32_t kSpare = 0xFFFF'FFFD;

    [[nodiscard]] bool is_free(std::uint32_t node) const noexcept;
    [[nodiscard]] std::uint32_t find(std::uint64_t size, std::uint64_t alignment) const noexcept;
    [[nodiscard]] std::uint32_t take(std::uint32_t node, std::uint64_t size, std::uint64_t alignment);
    void link(std::uint32_t node) noexcept;
    void unlink(std::uint32_t node) noexcept;
    void reserve_nodes(std::size_t count);
    [[nodiscard]] std::uint32_t new_node() noexcept;
    void recycle(std::uint32_t node) noexcept;

    std::uint64_t capacity_ = 0;
    std::uint64_t used_ = 0;
    std::uint64_t blocks_ = 0;
    std::uint64_t free_blocks_ = 0;
    std::uint32_t spare_ = kNone;
    std::vector<Node> nodes_;
    std::vector<std::uint32_t> heads_;  ///< per class, the first node of its list, or kNone
    ClassMap classes_;                  ///< which lists are not empty
};

}  // namespace fastio
