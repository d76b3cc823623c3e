// Readers of bytes that no writer of ours put there: every call ends, with a value or a typed error.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/fail.hpp"
#include "device/memfd.hpp"
#include "support/errors.hpp"
#include "table/segments.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::errc_of;
using test::WrittenTable;

/// Makes up segments and hands them out sealed. Ordinals from 2 on do not exist.
class MadeUpSource final : public SegmentSource {
public:
    Descriptor fetch(SegmentKind kind, std::uint32_t ordinal) override {
        if (ordinal >= 2) {
            fail(Errc::protocol_error, "could not get {} segment {} of the table: there is none", to_string(kind),
                 ordinal);
        }
        std::string& bytes = segments[{kind, ordinal}];
        if (bytes.empty()) {
            bytes.resize(segment_bytes(kind));
        }
        Descriptor file = make_memfd("segment", bytes.size());
        EXPECT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
        if (sealed) {
            seal_size(file.get());
        }
        return file;
    }
    void randomise(SegmentKind kind, std::mt19937_64& random) {
        std::string& bytes = segments[{kind, 0}];
        bytes.resize(segment_bytes(kind));
        for (char& byte : bytes) {
            byte = static_cast<char>(random());
        }
    }
    void put_index(std::size_t position, std::uint64_t word) {
        std::string& bytes = segments[{SegmentKind::index, 0}];
        bytes.resize(segment_bytes(SegmentKind::index));
        std::memcpy(bytes.data() + position * sizeof(word), &word, sizeof(word));
    }
    void put_record(std::size_t index, const PublicationRecord& record) {
        std::string& bytes = segments[{SegmentKind::publications, 0}];
        bytes.resize(segment_bytes(SegmentKind::publications));
        std::memcpy(bytes.data() + index * sizeof(record), &record, sizeof(record));
    }

    std::map<std::pair<SegmentKind, std::uint32_t>, std::string> segments{};
    bool sealed = true;
};

const std::string kName = "volume";
const std::uint64_t kHash = hash_name(kName.data(), kName.size());

class HostileTable : public testing::Test {
protected:
    /// A record that a lookup of kName accepts.
    static PublicationRecord good_record() {
        PublicationRecord record{};
        record.generation = 1;
        record.version = 1;
        record.allocation_generation = 1;
        record.type_bits = 8;
        record.type_lanes = 1;
        record.name_bytes = static_cast<std::uint8_t>(kName.size());
        kName.copy(record.name, kName.size());
        return record;
    }
    static std::uint64_t word(std::uint32_t record, std::uint32_t generation = 1) {
        return IndexWord{static_cast<std::uint16_t>(kHash >> 48), record, generation}.pack();
    }
    static std::size_t home() { return kHash % kFirstIndexCapacity; }

    Errc lookup_error() {
        return errc_of([this] { static_cast<void>(lookup()); });
    }
    bool lookup() {
        TableReader reader(table_.header_file(), source_);
        return reader.lookup(kName, kHash, copy_);
    }

    WrittenTable table_;
    MadeUpSource source_;
    PublicationCopy copy_;
};

TEST_F(HostileTable, IsAcceptedWhenItIsWellFormed) {
    source_.put_index(home(), word(0));
    source_.put_record(0, good_record());
    EXPECT_TRUE(lookup());
}

TEST_F(HostileTable, FullIndexEndsTheProbe) {
    for (std::size_t i = 0; i < kFirstIndexCapacity; ++i) {
        source_.put_index(i, IndexWord::kTombstone);
    }
    EXPECT_FALSE(lookup());
}

TEST_F(HostileTable, FullIndexOfOtherNamesEndsTheProbe) {
    PublicationRecord other = good_record();
    other.name[0] = 'w';
    source_.put_record(0, other);
    for (std::size_t i = 0; i < kFirstIndexCapacity; ++i) {
        source_.put_index(i, word(0));
    }
    EXPECT_FALSE(lookup());
}

TEST_F(HostileTable, WordThatLeadsToAnotherGenerationIsCorrupt) {
    source_.put_index(home(), word(0, 2));
    source_.put_record(0, good_record());
    EXPECT_EQ(lookup_error(), Errc::corrupt_input);
    TableReader reader(table_.header_file(), source_);
    EXPECT_EQ(errc_of([&] { static_cast<void>(reader.list("")); }), Errc::corrupt_input);
}

TEST_F(HostileTable, WordWithARecordOutOfRangeIsCorrupt) {
    source_.put_index(home(), word(kMaxPublications));
    EXPECT_EQ(lookup_error(), Errc::corrupt_input);
    source_.put_index(home(), (kHash >> 48) << 48 | 5);  // the number of record 0 minus 1
    EXPECT_EQ(lookup_error(), Errc::corrupt_input);
}

TEST_F(HostileTable, SegmentThatTheServiceLacksGivesItsError) {
    source_.put_index(home(), word(3 * kPublicationsPerSegment));
    EXPECT_EQ(lookup_error(), Errc::protocol_error);
}

TEST_F(HostileTable, NumbersOutOfRangeAreCorrupt) {
    source_.put_index(home(), word(0));
    const auto expect_corrupt = [this](auto change) {
        PublicationRecord record = good_record();
        change(record);
        source_.put_record(0, record);
        EXPECT_EQ(lookup_error(), Errc::corrupt_input);
        TableReader reader(table_.header_file(), source_);
        EXPECT_EQ(errc_of([&] { static_cast<void>(reader.list("")); }), Errc::corrupt_input);
    };
    expect_corrupt([](PublicationRecord& record) { record.rank = 9; });
    expect_corrupt([](PublicationRecord& record) { record.attribute_bytes = 4097; });
    expect_corrupt([](PublicationRecord& record) { record.allocation = kMostAllocations; });
    expect_corrupt([](PublicationRecord& record) { record.allocation_generation = 0; });
    expect_corrupt([](PublicationRecord& record) {
        record.attribute_bytes = 8;
        record.attribute_slot = kMaxPublications;
    });
}

TEST_F(HostileTable, NameLengthOfZeroIsCorruptInAListing) {
    PublicationRecord record = good_record();
    record.name_bytes = 0;
    source_.put_index(home(), word(0));
    source_.put_record(0, record);
    EXPECT_FALSE(lookup());
    TableReader reader(table_.header_file(), source_);
    EXPECT_EQ(errc_of([&] { static_cast<void>(reader.list("")); }), Errc::corrupt_input);
}

TEST_F(HostileTable, SegmentsOfTheWrongSizeAreCorrupt) {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{3 * 32'768}}) {
        source_.segments[{SegmentKind::index, 0}] = std::string(bytes, '\0');
        EXPECT_EQ(lookup_error(), Errc::corrupt_input) << bytes;
    }
    source_.segments.clear();
    source_.put_index(home(), word(0));
    source_.segments[{SegmentKind::publications, 0}] = std::string(segment_bytes(SegmentKind::publications) - 1, '\0');
    EXPECT_EQ(lookup_error(), Errc::corrupt_input);
}

TEST_F(HostileTable, SegmentsThatCouldShrinkAreCorrupt) {
    source_.sealed = false;
    EXPECT_EQ(lookup_error(), Errc::corrupt_input);
}

TEST_F(HostileTable, AcquireOfAnAllocationThatNeverLivesEndsAndLeavesNoLease) {
    source_.put_index(home(), word(0));
    source_.put_record(0, good_record());  // its allocation's slot is vacant for ever
    TableReader reader(table_.header_file(), source_);
    test::Leases leases;
    Acquired acquired;
    std::uint64_t retries = 0;
    EXPECT_EQ(
        errc_of([&] {
            static_cast<void>(acquire(reader, leases.pages, kName, kHash, 0, acquired, retries, [](AllocationRef) {}));
        }),
        Errc::corrupt_input);
    EXPECT_EQ(leases.pages.in_use(), 0U);
}

/// Calls everything once; typed errors are fine.
void use_all(TableReader& reader, std::mt19937_64& random) {
    const auto attempt = [](auto&& call) {
        try {
            call();
        } catch (const Error& error) {
            EXPECT_TRUE(error.errc() == Errc::corrupt_input || error.errc() == Errc::protocol_error) << error.what();
        }
    };
    PublicationCopy copy;
    attempt([&] { static_cast<void>(reader.lookup(kName, kHash, copy)); });
    EXPECT_LE(copy.shape.rank, kMaxDimensions);
    EXPECT_LE(copy.attributes.size(), kMaxAttributeBytes);
    attempt([&] { static_cast<void>(reader.list("v")); });
    const auto number = static_cast<std::uint32_t>(random());
    attempt([&] { static_cast<void>(reader.allocation_state(number)); });
    attempt([&] { static_cast<void>(reader.placement(number % kAllocationsPerSegment)); });
    attempt([&] { static_cast<void>(reader.slab({number % kSlabsPerSegment, 1})); });
    attempt([&] { static_cast<void>(reader.slabs()); });
}

TEST_F(HostileTable, RandomBytesNeverStopAReader) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        MadeUpSource source;
        for (const SegmentKind kind : {SegmentKind::index, SegmentKind::publications, SegmentKind::allocations,
                                       SegmentKind::attributes, SegmentKind::slabs}) {
            source.randomise(kind, random);
        }
        TableReader reader(table_.header_file(), source);
        use_all(reader, random);
    }
}

TEST_F(HostileTable, NearlyGoodBytesNeverStopAReader) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        MadeUpSource source;
        source.randomise(SegmentKind::attributes, random);
        for (std::uint32_t i = 0; i < 64; ++i) {
            PublicationRecord record = good_record();
            record.attribute_bytes = static_cast<std::uint16_t>(random() % 8192);
            record.attribute_slot = static_cast<std::uint32_t>(random() % 128);
            auto* const bytes = reinterpret_cast<unsigned char*>(&record);
            for (std::uint64_t flips = random() % 3; flips > 0; --flips) {
                bytes[random() % sizeof(record)] = static_cast<unsigned char>(random());
            }
            source.put_record(i, record);
            source.put_index((home() + i) % kFirstIndexCapacity, word(static_cast<std::uint32_t>(random() % 66)));
        }
        TableReader reader(table_.header_file(), source);
        use_all(reader, random);
    }
}

TEST_F(HostileTable, IndexThatChangesAllTheTimeEndsALookup) {
    // A header whose index_state names another epoch at each look, as no writer's does.
    TableHeader header;
    ASSERT_EQ(::pread(table_.writer.segment(SegmentKind::header, 0).fd, &header, sizeof(header), 0),
              static_cast<ssize_t>(sizeof(header)));
    const Descriptor file = make_memfd("header", sizeof(header));
    ASSERT_EQ(::pwrite(file.get(), &header, sizeof(header), 0), static_cast<ssize_t>(sizeof(header)));
    seal_size(file.get());
    const Mapping mapping(file.get(), sizeof(header), Mapping::Access::read_write);
    auto& state = reinterpret_cast<TableHeader*>(mapping.data())->index_state;
    std::atomic<bool> stop{false};
    std::thread spoiler([&] {
        for (std::uint32_t epoch = 0; !stop; ++epoch) {
            __atomic_store_n(&state, IndexState{epoch, 0}.pack(), __ATOMIC_RELEASE);
        }
    });
    TableReader reader(test::duplicate(file.get()), source_);
    for (int i = 0; i < 1'000; ++i) {
        std::uint64_t retries = 0;
        try {
            EXPECT_FALSE(reader.lookup(kName, kHash, copy_, &retries));
        } catch (const Error& error) {
            EXPECT_EQ(error.errc(), Errc::corrupt_input);
            EXPECT_GT(retries, 1'000U);
        }
    }
    stop = true;
    spoiler.join();
}

}  // namespace
}  // namespace fastio::table
