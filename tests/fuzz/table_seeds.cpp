#include "seeds.hpp"
#include "table/layout.hpp"

namespace fastio::fuzz {
namespace {

/// The commands of table_reader.cpp.
class Commands {
public:
    explicit Commands(unsigned mode) { seed_.u8(mode); }
    Commands& bytes(table::SegmentKind kind, std::uint32_t offset, std::string_view value, unsigned ordinal = 0) {
        seed_.u8(0).u8(static_cast<unsigned>(kind)).u8(ordinal).u32(offset);
        seed_.u8(static_cast<unsigned>(value.size())).bytes(value);
        return *this;
    }
    Commands& record(unsigned number, unsigned generation, unsigned name = 0, unsigned rank = 2,
                     unsigned attributes = 0, unsigned attribute_slot = 0, unsigned slot = 0) {
        seed_.u8(1).u8(number).u8(generation).u16(slot).u8(1).u8(1).u8(rank).u16(attributes).u8(attribute_slot);
        seed_.u8(name);
        return *this;
    }
    Commands& index(unsigned record, unsigned generation, unsigned name = 0, unsigned further = 0) {
        seed_.u8(3).u8(name).u8(record).u8(generation).u8(further).u8(0);
        return *this;
    }
    Commands& allocation(unsigned state, unsigned generation = 1) {
        seed_.u8(5).u8(0).u8(generation).u8(state).u8(9);
        return *this;
    }
    Commands& state(unsigned epoch, unsigned ordinal) {
        seed_.u8(6).u8(epoch).u8(ordinal);
        return *this;
    }
    Commands& at_next_fetch() { return command(7); }
    Commands& slab(unsigned number, unsigned generation, unsigned exists, unsigned segments) {
        seed_.u8(8).u8(number).u8(generation).u8(exists).u8(segments);
        return *this;
    }
    Commands& lookup(unsigned name = 0) { return command(9).byte(name); }
    Commands& list(unsigned prefix = 0) { return command(10).byte(prefix); }
    Commands& slabs(std::uint32_t number) {
        seed_.u8(11).u32(number);
        return *this;
    }
    Commands& look_at(std::uint32_t slot) {
        seed_.u8(12).u32(slot);
        return *this;
    }
    Commands& acquire(unsigned endless = 0) { return command(13).byte(endless).byte(0).byte(0); }
    Commands& command(unsigned what) { return byte(what); }
    Commands& byte(unsigned value) {
        seed_.u8(value);
        return *this;
    }
    /// For whoever sets something in the course of another command: sets the index's state.
    Commands& then_state(unsigned epoch, unsigned ordinal) { return byte(3).byte(epoch).byte(ordinal); }
    Commands& then_index(unsigned record, unsigned generation) {
        return byte(2).byte(0).byte(record).byte(generation).byte(0).byte(0);
    }
    Commands& then_record(unsigned number, unsigned generation) {
        seed_.u8(1).u8(number).u8(generation).u16(0).u8(1).u8(1).u8(2).u16(0).u8(0).u8(0);
        return *this;
    }
    Commands& everything() { return lookup().list().acquire().look_at(0).slabs(0); }
    [[nodiscard]] const std::string& str() const noexcept { return seed_.str(); }

private:
    Seed seed_;
};

constexpr unsigned kKept = 0;
constexpr unsigned kNew = 1;
constexpr std::string_view kWrong("\xff\xff\xff\xff\xff\xff\xff\xff", 8);

void write_good_seeds(const std::filesystem::path& folder) {
    for (const unsigned mode : {kKept, kNew}) {
        const std::string which = mode == kNew ? "new-" : "kept-";
        const auto published = [mode] { return Commands(mode).record(0, 1).index(0, 1).allocation(2); };
        write_seed(folder, which + "published", published().everything().str());
        write_seed(folder, which + "two", published().record(1, 1, 3).index(1, 1, 3).lookup(3).list(0).list(1).str());
        write_seed(folder, which + "probe",
                   Commands(mode).record(0, 1, 9).record(1, 1).index(0, 1).index(1, 1, 0, 1).lookup().list().str());
        write_seed(folder, which + "tombstone", published().index(1, 0).index(0, 1, 0, 1).lookup().list().str());
        write_seed(folder, which + "attributes",
                   Commands(mode).record(0, 1, 0, 2, 20, 3).index(0, 1).allocation(2).everything().str());
        write_seed(folder, which + "slabs", Commands(mode).slab(3, 1, 1, 1).slabs(3 | 1U << 24).slabs(70'000).str());
        write_seed(folder, which + "version",
                   Commands(mode).record(0, 1).index(0, 1).allocation(2).acquire(0xa5).str());
    }
}

void write_changing_seeds(const std::filesystem::path& folder) {
    write_seed(folder, "rebuilt-in-lookup",
               Commands(kNew).record(0, 1).index(0, 1).at_next_fetch().lookup().then_state(1, 0).str());
    write_seed(folder, "rebuilt-in-list",
               Commands(kNew).record(0, 1).index(0, 1).at_next_fetch().list().then_state(1, 1).str());
    write_seed(folder, "replaced-in-lookup",
               Commands(kNew)
                   .record(0, 1)
                   .record(1, 1)
                   .index(0, 2)
                   .lookup()
                   .record(0, 1, 0, 2, 20, 3)
                   .index(0, 1)
                   .at_next_fetch()
                   .lookup()
                   .then_record(0, 2)
                   .str());
    write_seed(
        folder, "replaced-in-list",
        Commands(kNew).record(0, 1, 0, 2, 20, 3).index(0, 1).lookup(5).at_next_fetch().list().then_record(0, 2).str());
    // Before the records are mapped for the first time.
    write_seed(folder, "moved-in-lookup",
               Commands(kNew).lookup(5).record(1, 1).index(0, 1).at_next_fetch().lookup().then_index(1, 1).str());
    write_seed(folder, "moved-in-list",
               Commands(kNew).lookup(5).record(1, 1).index(0, 1).at_next_fetch().list().then_index(1, 1).str());
    write_seed(folder, "retired-in-acquire",
               Commands(kKept).record(0, 1).index(0, 1).allocation(3).acquire(0xa5).then_index(0, 0).str());
    write_seed(folder, "never-live", Commands(kKept).record(0, 1).index(0, 1).acquire(0xa5).str());
}

void write_wrong_seeds(const std::filesystem::path& folder) {
    using table::SegmentKind;
    using table::TableHeader;
    const auto header = [&](std::string_view name, std::size_t at) {
        write_seed(folder, name,
                   Commands(kNew).bytes(SegmentKind::header, static_cast<std::uint32_t>(at), kWrong).lookup().str());
    };
    header("magic", offsetof(TableHeader, magic));
    header("signature", offsetof(TableHeader, signature));
    header("boot", offsetof(TableHeader, boot_id));
    header("job", offsetof(TableHeader, job_bytes));
    write_seed(
        folder, "device-name",
        Commands(kNew).bytes(SegmentKind::header, offsetof(TableHeader, devices), std::string(64, 'x')).lookup().str());
    for (const unsigned bytes : {8U, 64U, 4096U}) {
        write_seed(folder, "short-header-" + std::to_string(bytes),
                   Commands(kNew | 64).lookup().byte(bytes % 256).byte(bytes / 256).byte(0).str());
    }
    write_seed(folder, "open-header", Commands(kNew | 64).lookup().byte(0).byte(16).byte(1).str());
    write_seed(folder, "generation", Commands(kKept).record(0, 1).index(0, 2).everything().str());
    write_seed(folder, "rank", Commands(kKept).record(0, 1, 0, 9).index(0, 1).everything().str());
    write_seed(folder, "attribute-slot", Commands(kNew).record(0, 1, 0, 2, 20, 200).index(0, 1).everything().str());
    write_seed(folder, "attribute-bytes", Commands(kKept).record(0, 1, 0, 2, 5000).index(0, 1).everything().str());
    write_seed(folder, "ordinal", Commands(kNew).state(0, 3).everything().str());
    write_seed(
        folder, "no-such-index",
        Commands(kNew).bytes(SegmentKind::header, offsetof(TableHeader, index_state), kWrong).everything().str());
    const std::uint64_t hash = table::hash_name("volume", 6);
    const auto home = static_cast<std::uint32_t>(hash % table::kFirstIndexCapacity * 8);
    const std::uint64_t far = (hash >> 48) << 48 | 0xffff'ffff'ff00U | 1;
    write_seed(
        folder, "record-far-away",
        Commands(kNew).bytes(SegmentKind::index, home, {reinterpret_cast<const char*>(&far), 8}).everything().str());
    write_seed(folder, "slot-far-away",
               Commands(kKept)
                   .record(0, 1)
                   .index(0, 1)
                   .bytes(SegmentKind::publications, 4, kWrong)
                   .everything()
                   .look_at(0xffff'ffff)
                   .str());
    write_seed(folder, "attributes-far-away",
               Commands(kKept)
                   .record(0, 1, 0, 2, 20, 3)
                   .index(0, 1)
                   .bytes(SegmentKind::publications, offsetof(table::PublicationRecord, attribute_slot), kWrong)
                   .everything()
                   .str());
    write_seed(folder, "no-name",
               Commands(kKept)
                   .record(0, 1)
                   .index(0, 1)
                   .bytes(SegmentKind::publications, offsetof(table::PublicationRecord, name_bytes), {"\0", 1})
                   .everything()
                   .str());
    for (const unsigned shift : {0U, 1U, 3U}) {
        write_seed(folder, "index-of-size-" + std::to_string(shift), Commands(kNew | 2 | shift << 3).lookup().str());
    }
    write_seed(folder, "open-index", Commands(kNew | 2 | 4 | 3U << 3).lookup().str());
}

}  // namespace

void write_table_seeds(const std::filesystem::path& folder) {
    write_good_seeds(folder);
    write_changing_seeds(folder);
    write_wrong_seeds(folder);
}

void write_lease_seeds(const std::filesystem::path& folder) {
    write_seed(folder, "few", Seed().u8(0).u64(table::pack_lease(1, 1)).u64(0).u64(table::pack_lease(2, 9)).str());
    write_seed(folder, "by-stream", Seed().u8(1).u64(table::pack_lease(3, 1) | table::kClearedByStream).str());
    write_seed(folder, "not-granted", Seed().u8(4).u64(~std::uint64_t{0}).str());
    Seed calls;
    calls.u8(0x80).u16(1000).u8(1).u8(2).u8(0).u8(1);
    for (const unsigned what : {0U, 0U, 2U, 5U, 1U, 4U, 0U, 3U, 0U, 5U}) {
        calls.u8(what).u16(what == 3 ? 2 : 0);
    }
    write_seed(folder, "calls", calls.str());
    write_seed(folder, "full", Seed(calls).u8(3).u16(9).u8(4).u16(0).u8(0).u16(7).u8(5).u16(0).str());
    write_seed(folder, "no-leases", Seed().u8(0x80).u16(0).u8(0).u8(0).u8(0).u8(0).str());
    write_seed(folder, "too-many-chunks", Seed().u8(0x80).u16(512).u8(7).u8(1).u8(0).u8(200).str());
    write_seed(folder, "odd-file", Seed().u8(0x80).u16(512).u8(1).u8(1).u8(5).u8(1).str());
}

}  // namespace fastio::fuzz
