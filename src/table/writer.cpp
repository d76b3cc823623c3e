#include "table/writer.hpp"

#include <algorithm>
#include <cstring>

#include "core/fail.hpp"
#include "table/allocations.hpp"
#include "table/boot_time.hpp"
#include "table/index.hpp"
#include "table/publications.hpp"
#include "table/reader.hpp"
#include "table/slabs.hpp"
#include "table/words.hpp"

namespace fastio::table {
namespace {

template <std::size_t N>
void copy_text(char (&to)[N], const std::string& text, const char* what) {
    if (text.size() >= N) {
        fail(Errc::invalid_argument, "could not make a table: its {} '{}' has {} bytes, the limit is {}", what, text,
             text.size(), N - 1);
    }
    std::memcpy(to, text.data(), text.size());
}

void write_identity(TableHeader& header, const TableIdentity& identity) {
    if (identity.devices.size() > kMaxDevices) {
        fail(Errc::invalid_argument, "could not make a table for {} devices, the limit is {}: serve fewer",
             identity.devices.size(), kMaxDevices);
    }
    header.magic = kMagic;
    header.signature = layout_signature();
    std::copy(identity.instance.begin(), identity.instance.end(), header.instance);
    std::copy(identity.boot_id.begin(), identity.boot_id.end(), header.boot_id);
    header.context_id = identity.context_id;
    header.service_pid = identity.service_pid;
    copy_text(header.job, identity.job, "job name");
    header.job_bytes = static_cast<std::uint32_t>(identity.job.size());
    for (std::size_t i = 0; i < identity.devices.size(); ++i) {
        copy_text(header.devices[i].name, identity.devices[i].name, "device name");
        copy_text(header.devices[i].uuid, identity.devices[i].uuid, "device UUID");
    }
    header.device_count = static_cast<std::uint32_t>(identity.devices.size());
}

void check_entry(const PublicationEntry& entry) {
    if (entry.name.empty() || entry.name.size() > kMaxNameBytes || entry.attributes.size() > kMaxAttributeBytes ||
        entry.shape.rank > kMaxDimensions) {
        fail(Errc::invalid_argument,
             "could not publish '{}' with a name of {} bytes (1 to {}), {} bytes of attributes (up to {}) and {} "
             "dimensions (up to {})",
             entry.name, entry.name.size(), kMaxNameBytes, entry.attributes.size(), kMaxAttributeBytes,
             entry.shape.rank, kMaxDimensions);
    }
}

}  // namespace

struct TableWriter::State {
    State(const TableIdentity& identity, const TableLimits& limits)
        : memory(SegmentKind::header, segment_bytes(SegmentKind::header)),
          header(reinterpret_cast<TableHeader*>(memory.data())),
          max_publications(std::min(limits.max_publications, kMaxPublications)),
          index(*header),
          allocations(limits.max_allocations) {
        write_identity(*header, identity);
        __atomic_store_n(&header->state, static_cast<std::uint32_t>(ContextState::open), __ATOMIC_RELEASE);
    }

    [[nodiscard]] std::optional<std::uint32_t> position(std::string_view name, std::uint64_t hash) const {
        return index.find(hash, [&](std::uint32_t record) { return publications.publication(record).name == name; });
    }

    void store_counts() noexcept {
        store_word(&header->publications, index.used());
        store_word(&header->allocations, allocations.count());
    }

    /// Writers' invariant 5: after the commit. Always wakes: who waits is not known, since clients cannot write here.
    void announce(std::uint32_t& word) noexcept {
        __atomic_store_n(&word, __atomic_load_n(&word, __ATOMIC_RELAXED) + 1, __ATOMIC_RELEASE);
        wake(&word, true);
    }

    OwnedSegment memory;
    TableHeader* header;
    std::uint32_t max_publications;
    std::uint64_t version = 0;
    Index index;
    Publications publications{};
    Allocations allocations;
    Slabs slabs{};
};

TableWriter::TableWriter(const TableIdentity& identity, const TableLimits& limits)
    : state_(std::make_unique<State>(identity, limits)) {}
TableWriter::TableWriter(TableWriter&&) noexcept = default;
TableWriter& TableWriter::operator=(TableWriter&&) noexcept = default;
TableWriter::~TableWriter() = default;

TableWriter::SegmentFile TableWriter::segment(SegmentKind kind, std::uint32_t ordinal) const noexcept {
    const OwnedSegment* found = nullptr;
    switch (kind) {
        case SegmentKind::header:
            found = ordinal == 0 ? &state_->memory : nullptr;
            break;
        case SegmentKind::index:
            found = state_->index.array(ordinal);
            break;
        case SegmentKind::publications:
            found = state_->publications.segment(ordinal);
            break;
        case SegmentKind::attributes:
            found = state_->publications.attribute_segment(ordinal);
            break;
        case SegmentKind::allocations:
            found = state_->allocations.segment(ordinal);
            break;
        case SegmentKind::slabs:
            found = state_->slabs.segment(ordinal);
            break;
    }
    return found != nullptr ? SegmentFile{found->file(), found->bytes()} : SegmentFile{};
}

AllocationRef TableWriter::add_allocation(const Placement& placement) {
    const AllocationRef allocation = state_->allocations.add(placement);
    state_->store_counts();
    return allocation;
}

std::optional<AllocationState> TableWriter::apply(AllocationRef allocation, AllocationEvent event) noexcept {
    const std::optional<AllocationState> next = state_->allocations.apply(allocation, event);
    state_->store_counts();
    return next;
}

std::optional<AllocationState> TableWriter::state(AllocationRef allocation) const noexcept {
    return state_->allocations.state(allocation);
}

void TableWriter::poison(AllocationRef allocation) noexcept {
    state_->allocations.poison(allocation);
}

bool TableWriter::poisoned(AllocationRef allocation) const noexcept {
    return state_->allocations.poisoned(allocation);
}

std::uint64_t TableWriter::allocations() const noexcept {
    return state_->allocations.count();
}

SlabRef TableWriter::add_slab(const SlabHandle& handle, std::uint64_t bytes, std::uint32_t device,
                              std::int64_t owner_pid) {
    const SlabRef slab = state_->slabs.add(handle, bytes, device, owner_pid);
    store_word(&state_->header->slab_segments, state_->slabs.segments());
    return slab;
}

void TableWriter::remove_slab(SlabRef slab) noexcept {
    state_->slabs.remove(slab);
}

TableWriter::Published TableWriter::publish(const PublicationEntry& entry, bool replace) {
    check_entry(entry);
    State& own = *state_;
    const std::uint64_t hash = hash_name(entry.name.data(), entry.name.size());
    std::optional<std::uint32_t> position = own.position(entry.name, hash);
    if (position && !replace) {
        fail(Errc::already_exists, "could not publish '{}': the name is taken; replace it, or unpublish it first",
             entry.name);
    }
    if (!position && own.index.used() >= own.max_publications) {
        fail(Errc::table_full,
             "could not publish '{}': the context has {} names and may have {}; unpublish some, or "
             "raise fastiod's --max-allocations, which allows four names for each",
             entry.name, own.index.used(), own.max_publications);
    }
    own.publications.make_room(entry.attributes.size());
    if (!position) {
        own.index.make_room([&](std::uint32_t record) { return own.publications.hash(record); });
    }
    const IndexWord word = own.publications.write(entry, hash, own.version + 1, boot_time_ns());
    // From here on nothing fails. The version first, so that no reader sees one above the header's.
    store_word(&own.header->version, ++own.version);

    Published published{own.version, std::nullopt};
    if (position) {
        const std::uint32_t old = own.index.record_at(*position);
        published.replaced = own.publications.publication(old).allocation;
        own.index.replace(*position, word);
        own.publications.vacate(old);
    } else {
        own.index.insert(hash, word);
        own.store_counts();
    }
    own.announce(own.header->buckets[hash % kBuckets].sequence);
    return published;
}

std::optional<AllocationRef> TableWriter::unpublish(std::string_view name) {
    State& own = *state_;
    const std::optional<std::uint32_t> position = own.position(name, hash_name(name.data(), name.size()));
    if (!position) {
        return std::nullopt;
    }
    const std::uint32_t record = own.index.record_at(*position);
    const AllocationRef allocation = own.publications.publication(record).allocation;
    own.index.erase(*position);
    own.publications.vacate(record);
    own.store_counts();
    return allocation;
}

const Publication* TableWriter::find(std::string_view name) const noexcept {
    const std::optional<std::uint32_t> position = state_->position(name, hash_name(name.data(), name.size()));
    return position ? &state_->publications.publication(state_->index.record_at(*position)) : nullptr;
}

std::uint64_t TableWriter::publications() const noexcept {
    return state_->index.used();
}

std::vector<const Publication*> TableWriter::all_publications() const {
    std::vector<const Publication*> all;
    all.reserve(state_->index.used());
    state_->index.for_each([&](std::uint32_t record) { all.push_back(&state_->publications.publication(record)); });
    return all;
}

void TableWriter::end(ContextState why) noexcept {
    __atomic_store_n(&state_->header->state, static_cast<std::uint32_t>(why), __ATOMIC_RELEASE);
    wake_all();
}

void TableWriter::wake_all() noexcept {
    for (Bucket& bucket : state_->header->buckets) {
        state_->announce(bucket.sequence);
    }
    announce_room();
}

void TableWriter::announce_room() noexcept {
    state_->announce(state_->header->room);
}

void TableWriter::start_generations_at(std::uint32_t generation) noexcept {
    state_->publications.start_generations_at(generation);
    state_->allocations.start_generations_at(generation);
    state_->slabs.start_generations_at(generation);
}

}  // namespace fastio::table
