#pragma once

#include <cstdint>

#include "device/descriptor.hpp"
#include "device/mapping.hpp"
#include "table/layout.hpp"

namespace fastio::table {

/// The size of a segment's file. Index arrays differ: this is the first one's.
[[nodiscard]] constexpr std::uint64_t segment_bytes(SegmentKind kind) noexcept {
    switch (kind) {
        case SegmentKind::header:
            return sizeof(TableHeader);
        case SegmentKind::index:
            return std::uint64_t{kFirstIndexCapacity} * sizeof(std::uint64_t);
        case SegmentKind::publications:
            return std::uint64_t{kPublicationsPerSegment} * sizeof(PublicationRecord);
        case SegmentKind::attributes:
            return std::uint64_t{kAttributesPerSegment} * kAttributeSlotBytes;
        case SegmentKind::allocations:
            return std::uint64_t{kAllocationsPerSegment} * sizeof(AllocationRecord);
        case SegmentKind::slabs:
            return std::uint64_t{kSlabsPerSegment} * sizeof(SlabRecord);
    }
    return 0;
}

/// For messages.
[[nodiscard]] const char* to_string(SegmentKind kind) noexcept;

/// A segment as its writer holds it: pages reserved, mapped for writing once, and then sealed, so that nobody who gets
/// the descriptor can change its size, write to it or map it for writing.
class OwnedSegment {
public:
    OwnedSegment() noexcept = default;
    /// Errors: out_of_memory, io_error.
    OwnedSegment(SegmentKind kind, std::uint64_t bytes);
    explicit OwnedSegment(SegmentKind kind) : OwnedSegment(kind, segment_bytes(kind)) {}

    [[nodiscard]] std::byte* data() const noexcept { return mapping_.data(); }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return mapping_.size(); }
    [[nodiscard]] int file() const noexcept { return file_.get(); }

private:
    Descriptor file_;
    Mapping mapping_;
};

}  // namespace fastio::table
