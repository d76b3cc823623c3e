#include "core/sub_allocator.hpp"

#include <bit>
#include <limits>

#include "core/fail.hpp"
#include "core/rounding.hpp"

namespace fastio {
namespace {

/// How many free blocks an allocation looks at in the classes near its request before it takes one from a class where
/// any fits, and how many it compares there.
constexpr int kLooks = 8;

}  // namespace

SubAllocator::SubAllocator(std::uint64_t capacity) : capacity_(capacity), heads_(kClasses, kNone) {
    if (capacity == 0 || capacity % kMinAlignment != 0 || capacity >> 63 != 0) {
        fail(Errc::invalid_argument,
             "a slab of {} bytes cannot be divided: give a positive multiple of {} bytes below 2^63", capacity,
             kMinAlignment);
    }
    nodes_.push_back({0, capacity, kNone, kNone, kNone, kNone});
    link(0);
}

std::optional<Block> SubAllocator::allocate(std::uint64_t size, std::uint64_t alignment) {
    if (size == 0) {
        fail(Errc::invalid_argument, "an allocation of 0 bytes was asked for: ask for at least 1");
    }
    if (!std::has_single_bit(alignment) || alignment < kMinAlignment || alignment > kMaxAlignment) {
        fail(Errc::invalid_argument, "an alignment of {} bytes was asked for: give a power of two from {} to {}",
             alignment, kMinAlignment, kMaxAlignment);
    }
    if (size > capacity_) {
        return std::nullopt;
    }
    size = round_up(size, kMinAlignment);  // no overflow: capacity_ is a multiple of kMinAlignment
    const std::uint32_t found = find(size, alignment);
    if (found == kNone) {
        return std::nullopt;
    }
    const std::uint32_t node = take(found, size, alignment);
    return Block{nodes_[node].offset, size, node};
}

std::uint32_t SubAllocator::find(std::uint64_t size, std::uint64_t alignment) const noexcept {
    const auto fits = [size, alignment](const Node& node) {
        const std::uint64_t padding = round_up(node.offset, alignment) - node.offset;
        return node.size >= size && node.size - size >= padding;
    };
    std::uint32_t best = kNone;
    // Looks at up to `looks` blocks of one class; true if best is now one of them.
    const auto look = [&](std::uint32_t size_class, std::uint64_t& looks) {
        for (std::uint32_t at = heads_[size_class]; at != kNone && looks != 0; at = nodes_[at].list_next, --looks) {
            if (fits(nodes_[at]) && (best == kNone || nodes_[at].size < nodes_[best].size)) {
                best = at;
            }
        }
        return best != kNone;
    };

    // From `own` up to and with `last` a block may be too small or badly placed; in every class above `last` any fits,
    // because a block that starts on 256 bytes needs at most alignment - 256 bytes of padding.
    const std::uint32_t own = class_of(size);
    const std::uint32_t last = class_of(size + (alignment - kMinAlignment));
    std::uint64_t looks = kLooks;
    for (std::uint32_t c = classes_.at_or_above(own); c <= last && looks != 0; c = classes_.at_or_above(c + 1)) {
        if (look(c, looks)) {
            return best;
        }
    }
    looks = kLooks;
    if (const std::uint32_t above = classes_.at_or_above(last + 1); above != kNoClass) {
        look(above, looks);
        return best;
    }
    // Before it refuses, it looks at every block that may fit.
    looks = std::numeric_limits<std::uint64_t>::max();
    for (std::uint32_t c = classes_.at_or_above(own); c <= last; c = classes_.at_or_above(c + 1)) {
        if (look(c, looks)) {
            return best;
        }
    }
    return kNone;
}

std::uint32_t SubAllocator::take(std::uint32_t node, std::uint64_t size, std::uint64_t alignment) {
    reserve_nodes(2);  // the only step that may fail, so it comes before any change
    unlink(node);
    const std::uint64_t padding = round_up(nodes_[node].offset, alignment) - nodes_[node].offset;
    if (padding != 0) {
        const std::uint32_t front = new_node();
        Node& taken = nodes_[node];
        nodes_[front] = {taken.offset, padding, taken.before, node, kNone, kNone};
        if (taken.before != kNone) {
            nodes_[taken.before].after = front;
        }
        taken.before = front;
        taken.offset += padding;
        taken.size -= padding;
        link(front);
    }
    if (nodes_[node].size != size) {
        const std::uint32_t rest = new_node();
        Node& taken = nodes_[node];
        nodes_[rest] = {taken.offset + size, taken.size - size, node, taken.after, kNone, kNone};
        if (taken.after != kNone) {
            nodes_[taken.after].before = rest;
        }
        taken.after = rest;
        taken.size = size;
        link(rest);
    }
    nodes_[node].list_prev = kUsed;
    used_ += size;
    ++blocks_;
    return node;
}

void SubAllocator::free(const Block& block) {
    const std::uint32_t at = block.node;
    if (at >= nodes_.size() || nodes_[at].list_prev != kUsed || nodes_[at].offset != block.offset ||
        nodes_[at].size != block.size) {
        fail(Errc::invalid_argument,
             "the block of {} bytes at offset {} (node {}) is not live in this slab of {} bytes: free each block once, "
             "as it was given",
             block.size, block.offset, block.node, capacity_);
    }
    used_ -= block.size;
    --blocks_;

    Node& node = nodes_[at];
    if (const std::uint32_t before = node.before; is_free(before)) {
        unlink(before);
        node.offset = nodes_[before].offset;
        node.size += nodes_[before].size;
        node.before = nodes_[before].before;
        if (node.before != kNone) {
            nodes_[node.before].after = at;
        }
        recycle(before);
    }
    if (const std::uint32_t after = node.after; is_free(after)) {
        unlink(after);
        node.size += nodes_[after].size;
        node.after = nodes_[after].after;
        if (node.after != kNone) {
            nodes_[node.after].before = at;
        }
        recycle(after);
    }
    link(at);
}

std::uint64_t SubAllocator::largest_free_block() const noexcept {
    const std::uint32_t top = classes_.highest();
    std::uint64_t largest = 0;
    for (std::uint32_t at = top == kNoClass ? kNone : heads_[top]; at != kNone; at = nodes_[at].list_next) {
        largest = nodes_[at].size > largest ? nodes_[at].size : largest;
    }
    return largest;
}

SubAllocatorStats SubAllocator::stats() const noexcept {
    return {capacity_, used_, blocks_, free_blocks_, largest_free_block()};
}

bool SubAllocator::is_free(std::uint32_t node) const noexcept {
    return node != kNone && nodes_[node].list_prev != kUsed;
}

void SubAllocator::link(std::uint32_t node) noexcept {
    const std::uint32_t size_class = class_of(nodes_[node].size);
    const std::uint32_t head = heads_[size_class];
    nodes_[node].list_prev = kNone;
    nodes_[node].list_next = head;
    if (head == kNone) {
        classes_.set(size_class);
    } else {
        nodes_[head].list_prev = node;
    }
    heads_[size_class] = node;
    ++free_blocks_;
}

void SubAllocator::unlink(std::uint32_t node) noexcept {
    const std::uint32_t prev = nodes_[node].list_prev;
    const std::uint32_t next = nodes_[node].list_next;
    if (next != kNone) {
        nodes_[next].list_prev = prev;
    }
    if (prev != kNone) {
        nodes_[prev].list_next = next;
    } else {
        const std::uint32_t size_class = class_of(nodes_[node].size);
        heads_[size_class] = next;
        if (next == kNone) {
            classes_.clear(size_class);
        }
    }
    --free_blocks_;
}

void SubAllocator::reserve_nodes(std::size_t count) {
    std::size_t spares = 0;
    for (std::uint32_t at = spare_; at != kNone && spares < count; at = nodes_[at].after) {
        ++spares;
    }
    const std::size_t needed = nodes_.size() + (count - spares);
    if (needed > nodes_.capacity()) {
        nodes_.reserve(2 * needed);
    }
}

std::uint32_t SubAllocator::new_node() noexcept {
    if (spare_ != kNone) {
        const std::uint32_t node = spare_;
        spare_ = nodes_[node].after;
        return node;
    }
    nodes_.emplace_back();  // reserve_nodes made room
    return static_cast<std::uint32_t>(nodes_.size() - 1);
}

void SubAllocator::recycle(std::uint32_t node) noexcept {
    nodes_[node].list_prev = kSpare;
    nodes_[node].after = spare_;
    spare_ = node;
}

}  // namespace fastio
