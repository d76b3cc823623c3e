#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/limits.hpp"
#include "device/device_memory.hpp"

/// What lies in a context's shared memory. The service writes all of it and clients map it read-only; only the lease
/// pages are written by clients. Fixed-width little-endian fields, no pointers. docs/shared_memory.md explains it with
/// a worked example. Fields marked (c) change while readers look and are accessed with atomic loads and stores.
namespace fastio::table {

inline constexpr std::uint64_t kMagic = 0x4254'4f49'5453'4146;  // "FASTIOTB"
inline constexpr std::uint32_t kBuckets = 256;                  // futex words that waiters of names spread over
inline constexpr std::uint32_t kMaxDevices = 16;
inline constexpr std::size_t kCacheLine = 64;

enum class SegmentKind : std::uint32_t {
    header = 0,        ///< one TableHeader
    index = 1,         ///< IndexWord[capacity]; ordinals grow with each rebuild that needs a new array
    publications = 2,  ///< PublicationRecord[kPublicationsPerSegment]
    attributes = 3,    ///< kAttributeSlotBytes[kAttributesPerSegment]
    allocations = 4,   ///< AllocationRecord[kAllocationsPerSegment]
    slabs = 5,         ///< SlabRecord[kSlabsPerSegment]
};

inline constexpr std::uint32_t kPublicationsPerSegment = 1024;
inline constexpr std::uint32_t kAttributesPerSegment = 64;
inline constexpr std::uint32_t kAllocationsPerSegment = 4096;
inline constexpr std::uint32_t kSlabsPerSegment = 256;
inline constexpr std::uint32_t kAttributeSlotBytes = 4096;
inline constexpr std::uint32_t kFirstIndexCapacity = 4096;  // words; doubles with each rebuild for room

inline constexpr std::uint32_t kMaxPublications = 1U << 22;  // 22 bits of the index word's 24 for the record
inline constexpr std::uint32_t kMaxPublicationSegments = kMaxPublications / kPublicationsPerSegment;
inline constexpr std::uint32_t kMaxAttributeSegments = kMaxPublications / kAttributesPerSegment;
inline constexpr std::uint32_t kMaxAllocationSegments = kMostAllocations / kAllocationsPerSegment;
inline constexpr std::uint32_t kMaxSlabs = 65'536;
inline constexpr std::uint32_t kMaxSlabSegments = kMaxSlabs / kSlabsPerSegment;
inline constexpr std::uint32_t kMaxIndexSegments = 64;

/// The commit point of a publication: 64 bits, stored once. 0 is empty, 1 a tombstone. Otherwise from the top:
/// fingerprint (16, the hash's top bits), record + 1 (24), the record's generation (24, never 0).
struct IndexWord {
    std::uint16_t fingerprint = 0;
    std::uint32_t record = 0;
    std::uint32_t generation = 0;

    static constexpr std::uint64_t kEmpty = 0;
    static constexpr std::uint64_t kTombstone = 1;
    static constexpr std::uint32_t kMaxGeneration = (1U << 24) - 1;

    [[nodiscard]] static constexpr IndexWord unpack(std::uint64_t word) noexcept {
        return {static_cast<std::uint16_t>(word >> 48), (static_cast<std::uint32_t>(word >> 24) & 0xff'ffffU) - 1,
                static_cast<std::uint32_t>(word) & 0xff'ffffU};
    }
    [[nodiscard]] constexpr std::uint64_t pack() const noexcept {
        return (std::uint64_t{fingerprint} << 48) | (std::uint64_t{record + 1} << 24) | generation;
    }
    friend constexpr bool operator==(const IndexWord&, const IndexWord&) = default;
};

/// Which index array counts: epoch in the high half, the array's segment ordinal in the low one.
struct IndexState {
    std::uint32_t epoch = 0;
    std::uint32_t ordinal = 0;
    [[nodiscard]] static constexpr IndexState unpack(std::uint64_t word) noexcept {
        return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
    }
    [[nodiscard]] constexpr std::uint64_t pack() const noexcept { return (std::uint64_t{epoch} << 32) | ordinal; }
};

enum class ContextState : std::uint32_t { open = 1, ended = 2, device_lost = 3 };

struct alignas(kCacheLine) Bucket {
    std::uint32_t sequence;  ///< (c) futex word: rises after each publication whose hash falls here, and at the end
    std::uint32_t padding[15];
};

struct DeviceEntry {
    char name[64];  ///< as the service numbers it
    char uuid[64];
};

struct alignas(kCacheLine) TableHeader {
    // Written before the first client attaches.
    std::uint64_t magic;
    std::uint64_t signature;    ///< layout_signature() of the writer
    std::uint8_t instance[16];  ///< random, of this run of the service
    std::uint8_t boot_id[16];   ///< /proc/sys/kernel/random/boot_id
    std::uint64_t context_id;   ///< never used twice by one instance
    std::int64_t service_pid;   ///< as the service sees itself
    std::uint32_t job_bytes;
    std::uint32_t device_count;
    char job[256];
    DeviceEntry devices[kMaxDevices];
    // (c) Hot words, a cache line each.
    alignas(kCacheLine) std::uint64_t index_state;  ///< (c) IndexState
    alignas(kCacheLine) std::uint64_t version;      ///< (c) the last version given out
    std::uint64_t publications;                     ///< (c) names now
    std::uint64_t allocations;                      ///< (c) allocations now
    std::uint64_t slab_segments;                    ///< (c) how many there are; only rises
    alignas(kCacheLine) std::uint32_t state;        ///< (c) ContextState
    std::uint32_t room;                             ///< (c) futex word: rises when memory came back for which a create
                                                    ///< had been refused, and at the end
    Bucket buckets[kBuckets];
};

/// One version of one name. Immutable while `generation` is what the index word says: the writer stores 0 there
/// before it touches anything else, and a reader loads it again after its copy. Both sides move a record in 8-byte
/// words (words.hpp), so `generation` and `allocation` are always read and written together. A get of a name of up to
/// 64 bytes reads the first three cache lines.
struct alignas(kCacheLine) PublicationRecord {
    std::uint32_t generation;  ///< (c) 0 while vacant or being written
    std::uint32_t allocation;  ///< slot
    std::uint64_t version;
    std::uint64_t size;  ///< bytes of type * dimensions
    std::uint32_t allocation_generation;
    std::uint8_t type_code;
    std::uint8_t type_bits;
    std::uint16_t type_lanes;
    std::uint8_t rank;
    std::uint8_t name_bytes;
    std::uint16_t attribute_bytes;
    std::uint32_t fence_word;    ///< index into the context's fence memory
    std::uint64_t fence_value;   ///< the word's value when the contents are complete; 0: they were at publish
    std::uint64_t published_ns;  ///< CLOCK_BOOTTIME
    std::int64_t publisher_pid;

    std::int64_t extents[8];
    char name[256];      ///< NUL-padded
    char publisher[64];  ///< operator name, NUL-padded

    std::uint64_t hash;
    std::uint64_t time_to_live_ns;  ///< after which the writer removes it; 0: it stays
    std::uint32_t attribute_slot;   ///< meaningful where attribute_bytes > 0
    std::uint32_t reserved[11];
};
static_assert(sizeof(PublicationRecord) == 512);

struct alignas(kCacheLine) AllocationRecord {
    std::uint64_t state;   ///< (c) StateWord: generation, life cycle, poison
    std::uint64_t offset;  ///< bytes from the slab's start. This and the rest: stable while the state's generation is
    std::uint64_t size;    ///< as asked for
    std::uint64_t capacity;
    std::uint32_t slab;
    std::uint32_t slab_generation;
    std::uint32_t device;  ///< index into TableHeader::devices
    std::uint32_t reserved[5];
};
static_assert(sizeof(AllocationRecord) == 64);
static_assert(offsetof(AllocationRecord, state) == 0 && offsetof(AllocationRecord, slab) % 8 == 0 &&
              offsetof(AllocationRecord, slab_generation) == offsetof(AllocationRecord, slab) + 4 &&
              offsetof(AllocationRecord, device) % 8 == 0);

struct alignas(kCacheLine) SlabRecord {
    std::uint64_t state;  ///< (c) generation << 32 | 1 while the slab exists, generation << 32 else
    std::uint64_t bytes;
    SlabHandle handle;
    std::int64_t owner_pid;
    std::uint32_t device;
    std::uint32_t reserved[5];
};
static_assert(sizeof(SlabRecord) == 192);

static_assert(std::is_trivially_copyable_v<TableHeader> && std::is_standard_layout_v<TableHeader>);
static_assert(std::is_trivially_copyable_v<PublicationRecord> && std::is_standard_layout_v<PublicationRecord>);
static_assert(std::is_trivially_copyable_v<AllocationRecord> && std::is_standard_layout_v<AllocationRecord>);
static_assert(std::is_trivially_copyable_v<SlabRecord> && std::is_standard_layout_v<SlabRecord>);

/// One lease entry: generation in the high half (never 0), slot in the low one; 0 is free.
[[nodiscard]] constexpr std::uint64_t pack_lease(std::uint32_t slot, std::uint32_t generation) noexcept {
    return (std::uint64_t{generation} << 32) | slot;
}
/// Set in an entry that a stream will clear, which tells nobody: the service looks again while such an entry keeps a
/// retired allocation. Slots stay below it.
inline constexpr std::uint64_t kClearedByStream = std::uint64_t{1} << 31;
static_assert(kMostAllocations <= kClearedByStream);
inline constexpr std::uint32_t kLeasesPerChunk = 512;  // 4 KiB, the unit in which lease pages are granted

/// The fence words of a context (design P6): one file that every member that uses streams maps for writing and pins.
inline constexpr std::uint32_t kFencesPerChunk = 64;  // the unit in which they are granted to sessions
inline constexpr std::uint32_t kFenceChunks = 2048;
inline constexpr std::uint32_t kMostFenceChunks = 8;  // of one session
inline constexpr std::uint32_t kFenceWords = kFencesPerChunk * kFenceChunks;
/// Behind the words, on a page of its own: not 0 once a member has completed a word because the service had died. Until
/// then a word that is complete was completed by its producer's GPU, or by the service, which poisons first.
inline constexpr std::uint32_t kServiceGoneWord = kFenceWords;
inline constexpr std::uint64_t kFenceFileBytes = std::uint64_t{kFenceWords} * 8 + 4096;

/// A hash over the sizes and offsets of every struct above: two builds that disagree about the layout differ here.
[[nodiscard]] std::uint64_t layout_signature() noexcept;

/// XXH3 of the name; its low bits choose index position and bucket, its top 16 the fingerprint.
[[nodiscard]] std::uint64_t hash_name(const char* name, std::size_t bytes) noexcept;

}  // namespace fastio::table
