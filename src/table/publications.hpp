#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "table/layout.hpp"
#include "table/segments.hpp"
#include "table/slots.hpp"
#include "table/writer.hpp"

namespace fastio::table {

/// The writer's publication records and attribute slots, shared and private.
///
/// *Thread safety:* none.
///
/// *Invariants.* The writer's invariant 2, and: an attribute slot is given back only after the generation of the record
/// that named it was set to 0, so a reader that copied bytes of the slot's next use sees that its record is gone.
class Publications {
public:
    /// Makes the first segment. Errors: out_of_memory, io_error.
    Publications();

    /// Afterwards one write() of `attribute_bytes` is possible. Errors: table_full, out_of_memory, io_error; then
    /// nothing changed.
    void make_room(std::size_t attribute_bytes);
    /// Fills a vacant record. Only after make_room(). Errors: std::bad_alloc, then nothing changed.
    [[nodiscard]] IndexWord write(const PublicationEntry& entry, std::uint64_t hash, std::uint64_t version,
                                  std::uint64_t now_ns);
    /// Takes a record back that no index word names any more.
    void vacate(std::uint32_t record) noexcept;

    [[nodiscard]] const Publication& publication(std::uint32_t record) const noexcept {
        return private_of(record).publication;
    }
    [[nodiscard]] std::uint64_t hash(std::uint32_t record) const noexcept { return private_of(record).hash; }
    [[nodiscard]] const OwnedSegment* segment(std::uint32_t ordinal) const noexcept {
        return ordinal < segments_.size() ? &segments_[ordinal].memory : nullptr;
    }
    [[nodiscard]] const OwnedSegment* attribute_segment(std::uint32_t ordinal) const noexcept {
        return ordinal < attribute_segments_.size() ? &attribute_segments_[ordinal] : nullptr;
    }
    void start_generations_at(std::uint32_t generation) noexcept { records_.start_generations_at(generation); }

private:
    static constexpr std::uint32_t kNoSlot = 0xffff'ffff;

    struct Private {
        Publication publication{};
        std::uint64_t hash = 0;
        std::uint32_t attribute_slot = kNoSlot;
    };
    struct Segment {
        explicit Segment(SegmentKind kind)
            : memory(kind), records(std::make_unique<Private[]>(kPublicationsPerSegment)) {}

        OwnedSegment memory;
        std::unique_ptr<Private[]> records;  ///< of its own, so that addresses stay when segments are added
    };

    [[nodiscard]] const Private& private_of(std::uint32_t record) const noexcept {
        return segments_[record / kPublicationsPerSegment].records[record % kPublicationsPerSegment];
    }
    [[nodiscard]] std::byte* shared(std::uint32_t record) const noexcept {
        return segments_[record / kPublicationsPerSegment].memory.data() +
               std::uint64_t{record % kPublicationsPerSegment} * sizeof(PublicationRecord);
    }
    [[nodiscard]] std::uint32_t write_attributes(std::span<const std::byte> attributes) noexcept;

    Slots records_{IndexWord::kMaxGeneration};
    Slots attribute_slots_{0xffff'ffff};
    std::vector<Segment> segments_;
    std::vector<OwnedSegment> attribute_segments_;
};

}  // namespace fastio::table
