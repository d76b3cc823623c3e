#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <fastio/stream.hpp>

namespace fastio::gpu {

/// An array of up to 8 dimensions in device memory, whose address is that of the element at index (0, ..., 0).
struct StridedLayout {
    std::span<const std::int64_t> dimensions{};  ///< elements, outermost first
    std::span<const std::int64_t> strides{};     ///< bytes, one per dimension, negative or 0 too; empty: C order
    std::size_t element_bytes = 1;               ///< any size; elements need no alignment
};

/// Queues the copy of an array at `view` to `packed`, where it then lies in C order without gaps. Both are device
/// memory of the current device and do not overlap. Without a stream it is done on return.
///
/// Reads and writes are coalesced, through tiles in shared memory where the two orders differ, and as wide as the
/// alignment of addresses and strides allows.
///
/// Errors: invalid_argument (more than 8 dimensions, a negative one, another number of strides, 0 bytes per element, a
/// null pointer where there are elements, sizes beyond 2^63 bytes); those of gpu::diagnose.
void gather(void* packed, const void* view, const StridedLayout& layout, Stream stream = {});

/// The inverse of gather. Also: invalid_argument for a stride of 0 along more than one element, since several elements
/// would be written to one place. Where other strides make elements overlap, one of those written last is what stays.
void scatter(void* view, const void* packed, const StridedLayout& layout, Stream stream = {});

/// The same on the host, word by word as the kernels do it.
void gather_on_host(void* packed, const void* view, const StridedLayout& layout);
void scatter_on_host(void* view, const void* packed, const StridedLayout& layout);

}  // namespace fastio::gpu
