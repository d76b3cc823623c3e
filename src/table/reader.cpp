#include "table/reader.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

#include "core/fail.hpp"
#include "device/host_identity.hpp"
#include "device/memfd.hpp"
#include "table/reader_state.hpp"
#include "table/record_copy.hpp"
#include "table/segments.hpp"

namespace fastio::table {
namespace {

/// Looks at one name that may fail in a row. Each failure needs a commit of the writer between two loads, so a table
/// that does this has no writer of ours.
constexpr std::uint32_t kMostPasses = 100'000;
constexpr std::uint32_t kPassesPerYield = 64;

/// Whole header, checked. The first two words are read before the size is judged, since another layout may be shorter.
Mapping map_header(const Descriptor& file) {
    const std::uint64_t bytes = file_bytes(file.get());
    constexpr std::uint64_t kCommon = offsetof(TableHeader, instance);
    if (!has_size_seals(file.get()) || bytes < kCommon) {
        fail(Errc::corrupt_input, "could not attach to a table: its header file has {} bytes and is {}sealed in size",
             bytes, has_size_seals(file.get()) ? "" : "not ");
    }
    Mapping memory(file.get(), bytes, Mapping::Access::read_only);
    const std::uint64_t magic = load_word(memory.data() + offsetof(TableHeader, magic));
    if (magic != kMagic) {
        fail(Errc::corrupt_input, "could not attach to a table: it starts with {:#018x}, expected {:#018x}", magic,
             kMagic);
    }
    const std::uint64_t signature = load_word(memory.data() + offsetof(TableHeader, signature));
    if (signature != layout_signature()) {
        fail(Errc::version_mismatch,
             "could not attach to a table: its layout is {:#018x}, this library's {:#018x}; use the same version of "
             "fastiod and libfastio",
             signature, layout_signature());
    }
    if (bytes < sizeof(TableHeader)) {
        fail(Errc::corrupt_input, "could not attach to a table: its header file has {} bytes, expected {}", bytes,
             sizeof(TableHeader));
    }
    return memory;
}

template <std::size_t N>
bool ends(const char (&text)[N]) noexcept {
    return std::find(text, text + N, '\0') != text + N;
}

void check_header(const TableHeader& header) {
    bool good = header.job_bytes < sizeof(header.job) && header.device_count <= kMaxDevices && ends(header.job);
    for (const DeviceEntry& device : header.devices) {
        good = good && ends(device.name) && ends(device.uuid);
    }
    if (!good) {
        fail(Errc::corrupt_input, "could not attach to a table: its header names a job of {} bytes and {} devices",
             header.job_bytes, header.device_count);
    }
    const std::array<std::uint8_t, 16> here = read_boot_id();
    if (!std::equal(here.begin(), here.end(), header.boot_id)) {
        fail(Errc::incompatible_host,
             "could not attach to a table: it was made on another boot or another machine than this process's; start "
             "the service where its clients run");
    }
}

}  // namespace

void give_way(std::uint32_t pass, std::string_view name) {
    if (pass % kPassesPerYield == kPassesPerYield - 1) {
        std::this_thread::yield();
    }
    if (pass >= kMostPasses) {
        fail(Errc::corrupt_input, "could not look '{}' up: the table changed under each of {} looks; restart the job",
             name, pass);
    }
}

TableReader::State::State(const Descriptor& file, SegmentSource& source)
    : memory(map_header(file)), header(reinterpret_cast<const TableHeader*>(memory.data())), segments(source) {
    check_header(*header);
}

void TableReader::State::expect_change(const std::uint64_t* word_at, std::uint64_t word,
                                       std::uint64_t packed_state) const {
    if (load_word(word_at) == word && index_state() == packed_state) {
        fail(Errc::corrupt_input, "the table's index word {:#018x} names a record that is not there; restart the job",
             word);
    }
}

inline Look TableReader::State::look(std::uint64_t packed_state, std::string_view name, std::uint64_t hash,
                                     PublicationCopy& copy) {
    const SegmentMap::IndexArray index = segments.index(IndexState::unpack(packed_state).ordinal);
    std::uint32_t position = static_cast<std::uint32_t>(hash) & index.mask;
    for (std::uint32_t probes = 0; probes <= index.mask; ++probes, position = (position + 1) & index.mask) {
        const std::uint64_t* const word_at = index.words + position;
        const std::uint64_t packed = load_word(word_at);
        if (packed == IndexWord::kEmpty) {
            return Look::missing;
        }
        if (packed == IndexWord::kTombstone || (packed ^ hash) >> 48 != 0) {
            continue;
        }
        const IndexWord word = IndexWord::unpack(packed);
        const std::byte* const record = segments.publication(word.record);
        __builtin_prefetch(record + offsetof(PublicationRecord, extents));
        __builtin_prefetch(record + offsetof(PublicationRecord, name));
        const std::uint64_t first = load_word(record);
        if (static_cast<std::uint32_t>(first) != word.generation) {
            expect_change(word_at, packed, packed_state);
            return Look::moved;
        }
        // The lease is checked against the allocation's state right after this. A number that is out of range is
        // refused here, so that it is not mapped for.
        const auto slot = static_cast<std::uint32_t>(first >> 32);
        const std::byte* const allocation = slot < kMostAllocations ? segments.allocation(slot) : nullptr;
        __builtin_prefetch(allocation);

        const bool same = RecordLengths::load(record).name_bytes == name.size() &&
                          equal_words(record + offsetof(PublicationRecord, name), name.data(), name.size());
        const bool in_range = same && copy_record(record, first, segments, copy);
        if (load_word(record) != first) {
            return Look::moved;
        }
        if (same) {
            if (!in_range) {
                fail(Errc::corrupt_input, "the table's record {} has numbers out of range; restart the job",
                     word.record);
            }
            return Look::found;
        }
    }
    return Look::missing;
}

TableReader::TableReader(Descriptor header, SegmentSource& source) : state_(std::make_unique<State>(header, source)) {}
TableReader::~TableReader() = default;

const TableHeader& TableReader::header() const noexcept {
    return *state_->header;
}

ContextState TableReader::context_state() const noexcept {
    return static_cast<ContextState>(__atomic_load_n(&state_->header->state, __ATOMIC_ACQUIRE));
}

bool TableReader::lookup(std::string_view name, std::uint64_t hash, PublicationCopy& copy, std::uint64_t* retries) {
    if (name.empty() || name.size() > kMaxNameBytes) {
        return false;
    }
    State& own = *state_;
    for (std::uint32_t pass = 0;; ++pass) {
        const std::uint64_t packed_state = own.index_state();
        const Look result = own.look(packed_state, name, hash, copy);
        if (result != Look::moved && own.index_state() == packed_state) [[likely]] {
            return result == Look::found;
        }
        if (retries != nullptr) {
            ++*retries;
        }
        give_way(pass, name);
    }
}

const std::byte* TableReader::allocation(std::uint32_t slot) {
    return slot < kMostAllocations ? state_->segments.allocation(slot) : nullptr;
}

TableReader::Slab TableReader::slab(SlabRef slab) {
    if (slab.index >= kMaxSlabs || slab.generation == 0) {
        return {};
    }
    const std::byte* const at = state_->segments.slab(slab.index);
    const std::uint64_t exists = std::uint64_t{slab.generation} << 32 | 1U;
    if (load_word(at) != exists) {
        return {};
    }
    SlabRecord record;
    load_words(at, &record, sizeof(record));
    if (load_word(at) != exists) {
        return {};
    }
    return {record.handle, record.bytes, record.device, record.owner_pid, true};
}

const std::uint32_t* TableReader::bucket(std::uint64_t hash) const noexcept {
    return &state_->header->buckets[hash % kBuckets].sequence;
}

std::uint32_t TableReader::bucket_sequence(std::uint64_t hash) const noexcept {
    return __atomic_load_n(bucket(hash), __ATOMIC_ACQUIRE);
}

const std::uint32_t* TableReader::room() const noexcept {
    return &state_->header->room;
}

std::uint32_t TableReader::room_sequence() const noexcept {
    return __atomic_load_n(room(), __ATOMIC_ACQUIRE);
}

}  // namespace fastio::table
