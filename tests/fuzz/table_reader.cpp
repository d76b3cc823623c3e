// A table in which anything may stand. An input is a program: commands that set bytes of the table, and calls of the
// reader. Byte 0 says whether the reader is a new one, which maps the segments in the course of its calls. Then
// commands may also be kept for the next time that it asks for a segment: the table changes under its look.
#include "table/reader.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "device/memfd.hpp"
#include "table/leases.hpp"
#include "table/segments.hpp"
#include "table_image.hpp"

namespace {

using fastio::Errc;
using fastio::table::SegmentKind;
using namespace fastio::fuzz;
namespace table = fastio::table;

constexpr std::uint8_t kNewReader = 1;
constexpr std::uint8_t kOtherFiles = 2;    ///< the first segment it asks for is of another size, or not sealed
constexpr std::uint8_t kOtherHeader = 64;  ///< the header's file is of another size, or not sealed
constexpr std::uint8_t kEndless = 0xa5;    ///< an acquire that goes on to its last look takes long: one of an input may

std::string name_of(std::uint8_t choice) {
    return choice == 0 ? "volume" : std::string(choice, 'n');
}

class Source final : public table::SegmentSource {
public:
    explicit Source(const TableImage& image) : image_(image) {}
    fastio::Descriptor fetch(SegmentKind kind, std::uint32_t ordinal) override {
        if (auto change = std::exchange(before_next, nullptr)) {
            change();
        }
        if (other_file) {
            const auto [bytes, sealed] = *std::exchange(other_file, std::nullopt);
            fastio::Descriptor file = fastio::make_memfd("segment", bytes);
            if (sealed) {
                fastio::seal_size(file.get());
            }
            return file;
        }
        fastio::Descriptor file = image_.file(kind, ordinal);
        if (!file) {
            throw fastio::Error(Errc::protocol_error, "there is no such segment");
        }
        return file;
    }

    std::function<void()> before_next{};
    std::optional<std::pair<std::uint64_t, bool>> other_file{};

private:
    const TableImage& image_;
};

class Program {
public:
    /// Makes a reader of its own where it is given none.
    Program(TableImage& image, Source& source, table::TableReader* reader, Input& input, bool other_header)
        : image_(image), source_(source), reader_(reader), input_(input), other_header_(other_header) {}

    void run() {
        while (!input_.empty()) {
            step();
        }
    }

private:
    void step() {
        const auto what = input_.take<std::uint8_t>();
        switch (what % 14) {
            case 0:
                put_bytes();
                break;
            case 1:
            case 2:
                put_record();
                break;
            case 3:
            case 4:
                put_index_word();
                break;
            case 5:
                put_allocation();
                break;
            case 6:
                image_.put_value(SegmentKind::header, 0, offsetof(table::TableHeader, index_state),
                                 table::IndexState{byte(), byte() % 4U}.pack());
                break;
            case 7:
                source_.before_next = [this] { put(); };
                break;
            case 8:
                put_slab();
                break;
            case 9:
                lookup();
                break;
            case 10:
                list();
                break;
            case 11:
                look_at_slabs();
                break;
            case 12:
                look_at_allocation();
                break;
            default:
                acquire();
        }
    }
    /// One command that sets something.
    void put() {
        switch (byte() % 4) {
            case 0:
                put_bytes();
                break;
            case 1:
                put_record();
                break;
            case 2:
                put_index_word();
                break;
            default:
                image_.put_value(SegmentKind::header, 0, offsetof(table::TableHeader, index_state),
                                 table::IndexState{byte(), byte() % 4U}.pack());
        }
    }

    std::uint8_t byte() { return input_.take<std::uint8_t>(); }

    void put_bytes() {
        const auto kind = static_cast<SegmentKind>(byte() % 6);
        const std::uint32_t ordinal = byte() % TableImage::kOrdinals;
        const auto offset = input_.take<std::uint32_t>();
        image_.put(kind, ordinal, offset % (std::uint32_t{1} << 19), input_.take_bytes(byte()));
    }
    void put_record() {
        table::PublicationRecord record{};
        const std::uint32_t number = byte();
        record.generation = byte();
        record.allocation = input_.take<std::uint16_t>();
        record.version = byte();
        record.allocation_generation = byte();
        record.type_bits = 8;
        record.type_lanes = 1;
        record.rank = byte();
        record.attribute_bytes = input_.take<std::uint16_t>();
        record.attribute_slot = byte();
        const std::string name = name_of(byte());
        record.name_bytes = static_cast<std::uint8_t>(name.size());
        name.copy(record.name, sizeof(record.name) - 1);
        image_.put_value(SegmentKind::publications, 0, number * sizeof(record), record);
    }
    void put_index_word() {
        const std::string name = name_of(byte());
        const std::uint64_t hash = table::hash_name(name.data(), name.size());
        const std::uint32_t record = byte();
        const std::uint32_t generation = byte();
        std::uint64_t word = table::IndexWord{static_cast<std::uint16_t>(hash >> 48), record, generation}.pack();
        if (generation == 0) {
            word = record % 2;  // empty, or a tombstone
        }
        const std::size_t position = (hash + byte()) % table::kFirstIndexCapacity;
        image_.put_value(SegmentKind::index, byte() % TableImage::kOrdinals, position * 8, word);
    }
    void put_allocation() {
        table::AllocationRecord record{};
        const std::uint32_t slot = byte();
        record.state = fastio::StateWord{byte(), static_cast<fastio::AllocationState>(byte() % 5), false}.pack();
        record.size = byte();
        image_.put_value(SegmentKind::allocations, 0, slot * sizeof(record), record);
    }
    void put_slab() {
        table::SlabRecord record{};
        const std::uint32_t number = byte();
        record.state = std::uint64_t{byte()} << 32 | byte();
        image_.put_value(SegmentKind::slabs, 0, number * sizeof(record), record);
        image_.put_value(SegmentKind::header, 0, offsetof(table::TableHeader, slab_segments), std::uint64_t{byte()});
    }

    fastio::Descriptor header() {
        if (!other_header_) {
            return image_.file(SegmentKind::header, 0);
        }
        const std::size_t bytes = input_.take<std::uint16_t>() % sizeof(table::TableHeader);
        return image_.copy_of_header(bytes, byte() % 2 == 0);
    }
    template <class Call>
    void call(Call&& use) {
        attempt({Errc::corrupt_input, Errc::protocol_error, Errc::version_mismatch, Errc::incompatible_host}, [&] {
            if (reader_ == nullptr) {
                own_ = std::make_unique<table::TableReader>(header(), source_);
                reader_ = own_.get();
            }
            use();
        });
    }
    void lookup() {
        const std::string name = name_of(byte());
        const std::uint64_t hash = table::hash_name(name.data(), name.size());
        call([&] {
            table::PublicationCopy copy;
            std::uint64_t retries = 0;
            if (reader_->lookup(name, hash, copy, &retries)) {
                require(copy.shape.rank <= fastio::kMaxDimensions, "a rank is in range");
                require(copy.attributes.size() <= fastio::kMaxAttributeBytes, "attributes are in range");
                require(copy.allocation.slot < fastio::kMostAllocations && copy.allocation.generation != 0,
                        "an allocation is in range");
                // Do not throw after a lookup.
                static_cast<void>(reader_->allocation_state(copy.allocation.slot));
                static_cast<void>(reader_->placement(copy.allocation.slot));
            }
            static_cast<void>(reader_->bucket_sequence(hash));
            require(!reader_->lookup("", hash, copy) && !reader_->lookup(std::string(256, 'n'), hash, copy),
                    "no name is empty or longer than names are");
        });
    }
    void list() {
        const std::string prefix = byte() % 2 == 0 ? "" : "n";
        call([&] {
            const std::vector<table::PublicationRow> rows = reader_->list(prefix);
            for (std::size_t i = 0; i < rows.size(); ++i) {
                require(i == 0 || rows[i - 1].name < rows[i].name, "names come in order, each once");
                require(!rows[i].name.empty() && rows[i].name.starts_with(prefix), "they have the prefix");
                require(rows[i].copy.shape.rank <= fastio::kMaxDimensions, "a rank is in range");
            }
        });
    }
    void look_at_slabs() {
        const auto number = input_.take<std::uint32_t>();
        call([&] {
            for (const table::SlabRef slab : reader_->slabs()) {
                require(reader_->slab(slab).exists || slab.generation == 0, "what is listed exists");
            }
            static_cast<void>(reader_->slab({number % (2 * table::kMaxSlabs), number >> 24}));
        });
    }
    void look_at_allocation() {
        const auto slot = input_.take<std::uint32_t>();
        call([&] {
            static_cast<void>(reader_->header());
            static_cast<void>(reader_->context_state());
            static_cast<void>(reader_->ended());
            static_cast<void>(reader_->allocation_state(slot));
            static_cast<void>(reader_->placement(slot));
        });
    }
    void acquire() {
        const bool endless = byte() == kEndless && std::exchange(may_be_endless_, false);
        call([&] {
            static table::LeaseBook book(table::kLeasesPerChunk, 1);
            static table::LeasePages leases(fastio::Descriptor{::dup(book.file())}, 1);
            const std::string name = name_of(byte());
            const std::uint64_t hash = table::hash_name(name.data(), name.size());
            table::Acquired acquired;
            std::uint64_t retries = 0;
            if (!endless && !leads_to_life(name, hash)) {
                return;
            }
            if (table::acquire(*reader_, leases, name, hash, byte(), acquired, retries,
                               [this](table::AllocationRef) { put(); }) == table::AcquireResult::acquired) {
                require(book.entry(acquired.lease) != 0, "what is acquired has a lease");
                leases.drop(acquired.lease);
            }
            require(leases.in_use() == 0, "nothing else is left behind");
        });
    }
    bool leads_to_life(const std::string& name, std::uint64_t hash) {
        table::PublicationCopy copy;
        if (!reader_->lookup(name, hash, copy)) {
            return true;
        }
        const fastio::StateWord state = reader_->allocation_state(copy.allocation.slot);
        return state.generation == copy.allocation.generation && state.state == fastio::AllocationState::live;
    }

    TableImage& image_;
    Source& source_;
    table::TableReader* reader_;
    Input& input_;
    bool other_header_;
    bool may_be_endless_ = true;
    std::unique_ptr<table::TableReader> own_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static TableImage image;
    static Source kept_source(image);
    static table::TableReader kept(image.file(SegmentKind::header, 0), kept_source);
    Input input(data, bytes);
    const auto mode = input.take<std::uint8_t>();
    if ((mode & kNewReader) == 0) {
        Program(image, kept_source, &kept, input, false).run();
        kept_source.before_next = nullptr;
    } else {
        Source source(image);
        if ((mode & kOtherFiles) != 0) {
            source.other_file = {std::uint64_t{4096} << (mode >> 3) % 8, (mode & 4) == 0};
        }
        Program(image, source, nullptr, input, (mode & kOtherHeader) != 0).run();
    }
    image.restore();
    return 0;
}
