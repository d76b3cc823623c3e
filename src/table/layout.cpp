#include "table/layout.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

namespace fastio::table {
namespace {

// One number per fact that both sides must agree on. A field that moves, grows or swaps places changes one of them.
constexpr std::array kFacts = {
    // TableHeader
    sizeof(TableHeader), offsetof(TableHeader, signature), offsetof(TableHeader, instance),
    offsetof(TableHeader, boot_id), offsetof(TableHeader, context_id), offsetof(TableHeader, service_pid),
    offsetof(TableHeader, job_bytes), offsetof(TableHeader, device_count), offsetof(TableHeader, job),
    offsetof(TableHeader, devices), offsetof(TableHeader, index_state), offsetof(TableHeader, version),
    offsetof(TableHeader, publications), offsetof(TableHeader, allocations), offsetof(TableHeader, slab_segments),
    offsetof(TableHeader, state), offsetof(TableHeader, room), offsetof(TableHeader, buckets), sizeof(DeviceEntry),
    offsetof(DeviceEntry, uuid), sizeof(Bucket),
    // PublicationRecord
    sizeof(PublicationRecord), offsetof(PublicationRecord, generation), offsetof(PublicationRecord, allocation),
    offsetof(PublicationRecord, version), offsetof(PublicationRecord, size),
    offsetof(PublicationRecord, allocation_generation), offsetof(PublicationRecord, type_code),
    offsetof(PublicationRecord, type_bits), offsetof(PublicationRecord, type_lanes), offsetof(PublicationRecord, rank),
    offsetof(PublicationRecord, name_bytes), offsetof(PublicationRecord, attribute_bytes),
    offsetof(PublicationRecord, fence_word), offsetof(PublicationRecord, fence_value),
    offsetof(PublicationRecord, published_ns), offsetof(PublicationRecord, publisher_pid),
    offsetof(PublicationRecord, extents), offsetof(PublicationRecord, name), offsetof(PublicationRecord, publisher),
    offsetof(PublicationRecord, hash), offsetof(PublicationRecord, time_to_live_ns),
    offsetof(PublicationRecord, attribute_slot),
    // AllocationRecord
    sizeof(AllocationRecord), offsetof(AllocationRecord, state), offsetof(AllocationRecord, offset),
    offsetof(AllocationRecord, size), offsetof(AllocationRecord, capacity), offsetof(AllocationRecord, slab),
    offsetof(AllocationRecord, slab_generation), offsetof(AllocationRecord, device),
    // SlabRecord
    sizeof(SlabRecord), offsetof(SlabRecord, state), offsetof(SlabRecord, bytes), offsetof(SlabRecord, handle),
    offsetof(SlabRecord, owner_pid), offsetof(SlabRecord, device), offsetof(SlabHandle, kind),
    offsetof(SlabHandle, bytes), offsetof(SlabHandle, origin),
    // Geometry
    std::size_t{kBuckets}, std::size_t{kMaxDevices}, std::size_t{kPublicationsPerSegment},
    std::size_t{kAttributesPerSegment}, std::size_t{kAllocationsPerSegment}, std::size_t{kSlabsPerSegment},
    std::size_t{kAttributeSlotBytes}, std::size_t{kFirstIndexCapacity}, std::size_t{kLeasesPerChunk},
    std::size_t{kFenceFileBytes}, std::size_t{kServiceGoneWord}};

}  // namespace

std::uint64_t layout_signature() noexcept {
    std::array<std::uint64_t, kFacts.size() + 1> facts{};
    for (std::size_t i = 0; i < kFacts.size(); ++i) {
        facts[i] = kFacts[i];
    }
    // Two builds whose hash functions differ would not find each other's names.
    facts.back() = hash_name("fastio", 6);
    return XXH3_64bits(facts.data(), sizeof(facts));
}

std::uint64_t hash_name(const char* name, std::size_t bytes) noexcept {
    return XXH3_64bits(name, bytes);
}

}  // namespace fastio::table
