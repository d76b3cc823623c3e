#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "device/descriptor.hpp"
#include "device/mapping.hpp"
#include "table/layout.hpp"
#include "table/reader.hpp"

namespace fastio::table {

/// The segments that a reader has mapped, and the way to those that it has not. A segment stays mapped, at one address,
/// for as long as this lives.
///
/// *Thread safety:* every member, from any thread. Only the first look into a segment asks the source and takes the
/// mutex; threads that look at once may each ask, and one mapping stays.
class SegmentMap {
public:
    explicit SegmentMap(SegmentSource& source) : source_(source) {}

    struct IndexArray {
        const std::uint64_t* words = nullptr;
        std::uint32_t mask = 0;
    };

    // Each gives the first byte of the record. Errors: corrupt_input for a number that no table has or a file that is
    // too short or may shrink, and those of SegmentSource::fetch.
    [[nodiscard]] IndexArray index(std::uint32_t ordinal) {
        if (ordinal >= kMaxIndexSegments) [[unlikely]] {
            refuse(SegmentKind::index, ordinal);
        }
        // Acquire: pairs with the release in map(), which makes the mask and the mapping visible.
        const std::byte* const words = index_[ordinal].words.load(std::memory_order_acquire);
        if (words == nullptr) [[unlikely]] {
            map(SegmentKind::index, ordinal);
            return index(ordinal);
        }
        return {reinterpret_cast<const std::uint64_t*>(words), index_[ordinal].mask};
    }
    [[nodiscard]] const std::byte* publication(std::uint32_t record) {
        return at(publications_, SegmentKind::publications, record / kPublicationsPerSegment) +
               std::size_t{record % kPublicationsPerSegment} * sizeof(PublicationRecord);
    }
    [[nodiscard]] const std::byte* allocation(std::uint32_t slot) {
        return at(allocations_, SegmentKind::allocations, slot / kAllocationsPerSegment) +
               std::size_t{slot % kAllocationsPerSegment} * sizeof(AllocationRecord);
    }
    [[nodiscard]] const std::byte* slab(std::uint32_t index) {
        return at(slabs_, SegmentKind::slabs, index / kSlabsPerSegment) +
               std::size_t{index % kSlabsPerSegment} * sizeof(SlabRecord);
    }
    [[nodiscard]] const std::byte* attributes(std::uint32_t slot);

private:
    using Pointer = std::atomic<const std::byte*>;
    /// Attribute segments are many and mostly absent, so their pointers come in blocks that are made when needed.
    static constexpr std::uint32_t kAttributeBlock = 256;
    using AttributeBlock = std::array<Pointer, kAttributeBlock>;

    struct IndexPointer {
        Pointer words{nullptr};
        std::uint32_t mask = 0;  ///< written before `words`
    };

    template <std::size_t N>
    [[nodiscard]] const std::byte* at(std::array<Pointer, N>& pointers, SegmentKind kind, std::uint32_t ordinal) {
        if (ordinal >= N) [[unlikely]] {
            refuse(kind, ordinal);
        }
        const std::byte* const data = pointers[ordinal].load(std::memory_order_acquire);
        return data != nullptr ? data : map(kind, ordinal);
    }

    [[noreturn]] static void refuse(SegmentKind kind, std::uint32_t ordinal);
    [[gnu::noinline]] const std::byte* map(SegmentKind kind, std::uint32_t ordinal);
    [[nodiscard]] Pointer& pointer(SegmentKind kind, std::uint32_t ordinal);

    SegmentSource& source_;
    std::array<IndexPointer, kMaxIndexSegments> index_{};
    std::array<Pointer, kMaxPublicationSegments> publications_{};
    std::array<Pointer, kMaxAllocationSegments> allocations_{};
    std::array<Pointer, kMaxSlabSegments> slabs_{};
    std::array<std::atomic<AttributeBlock*>, kMaxAttributeSegments / kAttributeBlock> attribute_blocks_{};

    std::mutex mutex_;  ///< guards all below
    std::vector<Mapping> mappings_;
    std::vector<std::unique_ptr<AttributeBlock>> owned_blocks_;
};

/// Maps a segment that came from the service, for reading. Errors: corrupt_input unless the file keeps its size and is
/// one that the kind may have; io_error.
[[nodiscard]] Mapping map_segment(const Descriptor& file, SegmentKind kind, std::uint32_t ordinal);

}  // namespace fastio::table
