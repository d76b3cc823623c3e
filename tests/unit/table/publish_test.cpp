#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "support/errors.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::errc_of;
using test::Reader;
using test::WrittenTable;

std::vector<std::byte> bytes_of(std::size_t count, unsigned seed) {
    std::vector<std::byte> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = static_cast<std::byte>(seed + i * 7);
    }
    return bytes;
}

TEST(Publish, MakesAllOfTheEntryVisible) {
    WrittenTable table;
    Reader client(table);
    const std::vector<std::byte> attributes = bytes_of(21, 3);
    PublicationEntry entry;
    entry.name = "scan/volume";
    entry.allocation = table.live_allocation();
    entry.type = {TypeCode::floating, 32, 4};
    entry.shape = {{2, 3, 4, 5, 6, 7, 8, 9}, 8};
    entry.size = 16ULL * 362'880;
    entry.attributes = attributes;
    entry.publisher_pid = 1234;
    entry.publisher = "load";
    entry.fence_value = 99;
    entry.fence_word = 17;
    const auto published = table.writer.publish(entry, false);
    EXPECT_EQ(published.version, 1U);
    EXPECT_FALSE(published.replaced);

    PublicationCopy copy;
    ASSERT_TRUE(client.lookup("scan/volume", copy));
    EXPECT_EQ(copy.version, 1U);
    EXPECT_EQ(copy.allocation, entry.allocation);
    EXPECT_EQ(copy.type, entry.type);
    EXPECT_EQ(copy.shape, entry.shape);
    EXPECT_EQ(copy.size, entry.size);
    EXPECT_EQ(copy.attributes, attributes);
    EXPECT_EQ(copy.publisher_pid, 1234);
    EXPECT_EQ(copy.fence_value, 99U);
    EXPECT_EQ(copy.fence_word, 17U);
    EXPECT_GT(copy.published_ns, 0U);
}

TEST(Publish, LeavesOtherNamesMissing) {
    WrittenTable table;
    Reader client(table);
    EXPECT_FALSE(client.has("volume"));
    table.publish("volume");
    EXPECT_TRUE(client.has("volume"));
    for (const char* const other : {"volum", "volume2", "Volume", "", "x"}) {
        EXPECT_FALSE(client.has(other)) << other;
    }
    EXPECT_FALSE(client.has(std::string(256, 'v')));
}

TEST(Publish, OverwritesEveryFieldOfAReusedCopy) {
    WrittenTable table;
    Reader client(table);
    const std::vector<std::byte> attributes = bytes_of(8, 1);
    PublicationEntry first = WrittenTable::entry("a", table.live_allocation());
    first.shape = {{1, 2, 3, 4, 5, 6, 7, 8}, 8};
    first.attributes = attributes;
    first.fence_value = 5;
    static_cast<void>(table.writer.publish(first, false));
    table.publish("b", 64);

    PublicationCopy copy;
    ASSERT_TRUE(client.lookup("a", copy));
    ASSERT_TRUE(client.lookup("b", copy));
    EXPECT_EQ(copy.shape, (Shape{{64}, 1}));
    EXPECT_TRUE(copy.attributes.empty());
    EXPECT_EQ(copy.fence_value, 0U);
    EXPECT_EQ(copy.version, 2U);
}

TEST(Publish, RefusesATakenNameAndChangesNothing) {
    WrittenTable table;
    Reader client(table);
    table.publish("volume", 1);
    const AllocationRef second = table.live_allocation(2);
    EXPECT_EQ(
        errc_of([&] { static_cast<void>(table.writer.publish(WrittenTable::entry("volume", second, 2), false)); }),
        Errc::already_exists);
    PublicationCopy copy;
    ASSERT_TRUE(client.lookup("volume", copy));
    EXPECT_EQ(copy.size, 1U);
    EXPECT_EQ(copy.version, 1U);
    EXPECT_EQ(table.publish("other").version, 2U);
}

TEST(Publish, ReplacesWhenAskedAndReturnsWhatLostTheName) {
    WrittenTable table;
    Reader client(table);
    table.publish("volume", 1);
    const AllocationRef first = table.writer.find("volume")->allocation;
    const auto published = table.publish("volume", 2, true);
    EXPECT_EQ(published.replaced, first);
    EXPECT_EQ(published.version, 2U);
    PublicationCopy copy;
    ASSERT_TRUE(client.lookup("volume", copy));
    EXPECT_EQ(copy.size, 2U);
    EXPECT_NE(copy.allocation, first);
    EXPECT_EQ(table.writer.publications(), 1U);
}

TEST(Publish, CountsVersionsOverAllNames) {
    WrittenTable table;
    Reader client(table);
    std::uint64_t last = 0;
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t version = table.publish("name-" + std::to_string(i % 7), 8, true).version;
        EXPECT_EQ(version, last + 1);
        last = version;
    }
    EXPECT_EQ(__atomic_load_n(&client.reader.header().version, __ATOMIC_ACQUIRE), last);
    EXPECT_EQ(client.version("name-1"), 100U);  // 99 % 7 == 1
}

TEST(Publish, GivesOneAllocationSeveralNames) {
    WrittenTable table;
    Reader client(table);
    const AllocationRef allocation = table.live_allocation();
    static_cast<void>(table.writer.publish(WrittenTable::entry("a", allocation), false));
    static_cast<void>(table.writer.publish(WrittenTable::entry("b", allocation), false));
    PublicationCopy a;
    PublicationCopy b;
    ASSERT_TRUE(client.lookup("a", a));
    ASSERT_TRUE(client.lookup("b", b));
    EXPECT_EQ(a.allocation, b.allocation);
    EXPECT_NE(a.version, b.version);
    table.writer.unpublish("a");
    EXPECT_FALSE(client.has("a"));
    EXPECT_TRUE(client.has("b"));
}

TEST(Publish, TakesNamesOfEveryLength) {
    WrittenTable table;
    Reader client(table);
    for (std::size_t length = 1; length <= kMaxNameBytes; ++length) {
        table.publish(std::string(length, 'n'), length);
    }
    for (std::size_t length = 1; length <= kMaxNameBytes; ++length) {
        PublicationCopy copy;
        ASSERT_TRUE(client.lookup(std::string(length, 'n'), copy)) << length;
        EXPECT_EQ(copy.size, length);
        std::string last_differs(length, 'n');
        last_differs.back() = 'm';
        EXPECT_FALSE(client.has(last_differs)) << length;
    }
}

TEST(Publish, TellsNamesOfEqualHashApart) {
    WrittenTable table;
    Reader client(table);
    table.publish("volume");
    PublicationCopy copy;
    EXPECT_FALSE(client.reader.lookup("another", hash_name("volume", 6), copy));
    EXPECT_FALSE(client.reader.lookup("volumf", hash_name("volume", 6), copy));
    EXPECT_TRUE(client.reader.lookup("volume", hash_name("volume", 6), copy));
}

TEST(Publish, RefusesWhatDoesNotFitARecord) {
    WrittenTable table;
    const AllocationRef allocation = table.live_allocation();
    const std::vector<std::byte> attributes(kMaxAttributeBytes + 1);
    PublicationEntry entry = WrittenTable::entry("a", allocation);
    const auto publish = [&] { static_cast<void>(table.writer.publish(entry, false)); };
    entry.name = "";
    EXPECT_EQ(errc_of(publish), Errc::invalid_argument);
    const std::string long_name(kMaxNameBytes + 1, 'x');
    entry.name = long_name;
    EXPECT_EQ(errc_of(publish), Errc::invalid_argument);
    entry.name = "a";
    entry.attributes = attributes;
    EXPECT_EQ(errc_of(publish), Errc::invalid_argument);
    entry.attributes = {};
    entry.shape.rank = 9;
    EXPECT_EQ(errc_of(publish), Errc::invalid_argument);
    EXPECT_EQ(table.writer.publications(), 0U);
}

TEST(Publish, FillsUpAtTheLimitOfNamesAndStillReplaces) {
    WrittenTable table({.max_allocations = 100, .max_publications = 3});
    for (const char* const name : {"a", "b", "c"}) {
        table.publish(name);
    }
    const AllocationRef allocation = table.live_allocation();
    EXPECT_EQ(errc_of([&] { static_cast<void>(table.writer.publish(WrittenTable::entry("d", allocation), false)); }),
              Errc::table_full);
    EXPECT_NO_THROW(static_cast<void>(table.writer.publish(WrittenTable::entry("b", allocation), true)));
    table.writer.unpublish("a");
    EXPECT_NO_THROW(static_cast<void>(table.writer.publish(WrittenTable::entry("d", allocation), false)));
    EXPECT_EQ(table.writer.publications(), 3U);
}

TEST(Publish, RecyclesRecordsWithinTheFirstSegment) {
    WrittenTable table;
    const AllocationRef allocation = table.live_allocation();
    for (std::uint32_t i = 0; i < 5 * kPublicationsPerSegment; ++i) {
        static_cast<void>(table.writer.publish(WrittenTable::entry("hot", allocation), true));
    }
    EXPECT_EQ(table.writer.segment(SegmentKind::publications, 1).fd, -1);
}

TEST(Publish, RecyclesAttributeSlotsWithinTheFirstSegment) {
    WrittenTable table;
    Reader client(table);
    PublicationEntry entry = WrittenTable::entry("hot", table.live_allocation());
    for (unsigned i = 0; i < 5 * kAttributesPerSegment; ++i) {
        const std::vector<std::byte> attributes = bytes_of(1 + i * 13 % kMaxAttributeBytes, i);
        entry.attributes = attributes;
        static_cast<void>(table.writer.publish(entry, true));
        PublicationCopy copy;
        ASSERT_TRUE(client.lookup("hot", copy));
        ASSERT_EQ(copy.attributes, attributes);
    }
    EXPECT_GE(table.writer.segment(SegmentKind::attributes, 0).fd, 0);
    EXPECT_EQ(table.writer.segment(SegmentKind::attributes, 1).fd, -1);
}

TEST(Publish, AddsAttributeSegmentsOnDemand) {
    WrittenTable table;
    Reader client(table);
    const AllocationRef allocation = table.live_allocation();
    const std::vector<std::byte> attributes = bytes_of(kMaxAttributeBytes, 9);
    for (unsigned i = 0; i <= 2 * kAttributesPerSegment; ++i) {
        const std::string name = "n" + std::to_string(i);
        PublicationEntry entry = WrittenTable::entry(name, allocation);
        entry.attributes = attributes;
        static_cast<void>(table.writer.publish(entry, false));
    }
    EXPECT_GE(table.writer.segment(SegmentKind::attributes, 2).fd, 0);
    PublicationCopy copy;
    ASSERT_TRUE(client.lookup("n" + std::to_string(2 * kAttributesPerSegment), copy));
    EXPECT_EQ(copy.attributes, attributes);
}

TEST(Unpublish, RemovesTheNameAndReturnsItsAllocation) {
    WrittenTable table;
    Reader client(table);
    table.publish("volume");
    const AllocationRef allocation = table.writer.find("volume")->allocation;
    EXPECT_EQ(table.writer.unpublish("volume"), allocation);
    EXPECT_FALSE(client.has("volume"));
    EXPECT_EQ(table.writer.find("volume"), nullptr);
    EXPECT_EQ(table.writer.publications(), 0U);
    EXPECT_EQ(table.writer.unpublish("volume"), std::nullopt);
}

TEST(Unpublish, LetsTheNameBePublishedAgainWithAHigherVersion) {
    WrittenTable table;
    Reader client(table);
    table.publish("volume", 1);
    table.writer.unpublish("volume");
    table.publish("volume", 2);
    PublicationCopy copy;
    ASSERT_TRUE(client.lookup("volume", copy));
    EXPECT_EQ(copy.version, 2U);
    EXPECT_EQ(copy.size, 2U);
}

TEST(TableWriter, CountsAndVisitsItsPublications) {
    WrittenTable table;
    Reader client(table);
    for (int i = 0; i < 50; ++i) {
        table.publish("n" + std::to_string(i), 8);
    }
    for (int i = 0; i < 50; i += 2) {
        table.writer.unpublish("n" + std::to_string(i));
    }
    std::size_t visited = 0;
    table.writer.for_each_publication([&](const Publication& publication) {
        ++visited;
        EXPECT_EQ(std::stoi(publication.name.substr(1)) % 2, 1);
        EXPECT_EQ(table.writer.find(publication.name), &publication);
    });
    EXPECT_EQ(visited, 25U);
    EXPECT_EQ(table.writer.publications(), 25U);
    EXPECT_EQ(__atomic_load_n(&client.reader.header().publications, __ATOMIC_ACQUIRE), 25U);
    EXPECT_EQ(__atomic_load_n(&client.reader.header().allocations, __ATOMIC_ACQUIRE), 50U);
}

TEST(TableWriter, CanBeMoved) {
    WrittenTable table;
    Reader client(table);
    table.publish("a");
    TableWriter moved = std::move(table.writer);
    table.writer = std::move(moved);
    table.publish("b");
    EXPECT_TRUE(client.has("a"));
    EXPECT_TRUE(client.has("b"));
}

TEST(TableReader, FetchesEachSegmentOnce) {
    WrittenTable table;
    Reader client(table);
    for (int i = 0; i < 10; ++i) {
        table.publish("n" + std::to_string(i));
    }
    EXPECT_EQ(client.source.fetches, 0);
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(client.has("n" + std::to_string(i)));
    }
    EXPECT_EQ(client.source.fetches, 3);  // index, publications, allocations
}

}  // namespace
}  // namespace fastio::table
