#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::Reader;
using test::WrittenTable;

TEST(List, GivesTheRowsUnderAPrefixByName) {
    WrittenTable table;
    Reader client(table);
    PublicationEntry entry = WrittenTable::entry("b/2", table.live_allocation(), 9);
    entry.time_to_live_ns = 5;
    entry.publisher = "segment";
    const std::byte attribute[] = {std::byte{1}, std::byte{2}};
    entry.attributes = attribute;
    static_cast<void>(table.writer.publish(entry, false));
    for (const char* const name : {"b/1", "a/1", "b", "c/1"}) {
        table.publish(name);
    }
    const std::vector<PublicationRow> rows = client.reader.list("b/");
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].name, "b/1");
    EXPECT_EQ(rows[1].name, "b/2");
    EXPECT_EQ(rows[0].publisher, "");
    EXPECT_EQ(rows[1].publisher, "segment");
    EXPECT_EQ(rows[0].time_to_live_ns, 0U);
    EXPECT_EQ(rows[1].time_to_live_ns, 5U);
    EXPECT_EQ(rows[1].copy.size, 9U);
    EXPECT_EQ(rows[1].copy.attributes.size(), 2U);
    EXPECT_EQ(client.reader.list("").size(), 5U);
    EXPECT_TRUE(client.reader.list("d").empty());
}

TEST(List, KeepsNamesAndPublishersOfFullLength) {
    WrittenTable table;
    Reader client(table);
    const std::string name(kMaxNameBytes, 'n');
    const std::string publisher(100, 'p');
    PublicationEntry entry = WrittenTable::entry(name, table.live_allocation());
    entry.publisher = publisher;
    static_cast<void>(table.writer.publish(entry, false));
    const std::vector<PublicationRow> rows = client.reader.list("n");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].name, name);
    EXPECT_EQ(rows[0].publisher, publisher.substr(0, sizeof(PublicationRecord::publisher)));
}

TEST(List, FollowsRebuilds) {
    WrittenTable table;
    Reader client(table);
    const AllocationRef allocation = table.live_allocation();
    for (int i = 0; i < 5'000; ++i) {
        const std::string name = "n" + std::to_string(i);
        static_cast<void>(table.writer.publish(WrittenTable::entry(name, allocation), false));
    }
    EXPECT_EQ(client.reader.list("").size(), 5'000U);
}

TEST(List, AlwaysHasTheNamesThatStay) {
    WrittenTable table;
    for (int i = 0; i < 20; ++i) {
        table.publish("steady" + std::to_string(i));
    }
    std::atomic<bool> stop{false};
    std::atomic<int> walks{0};
    std::atomic<int> short_walks{0};
    std::thread lister([&] {
        Reader client(table);
        while (!stop) {
            short_walks += client.reader.list("steady").size() == 20 ? 0 : 1;
            ++walks;
        }
    });
    const AllocationRef allocation = table.live_allocation();
    for (int i = 0; i < 10'000 || walks == 0; ++i) {
        const std::lock_guard lock(table.mutex);
        const std::string name = "passing" + std::to_string(i % 3'000);
        static_cast<void>(table.writer.publish(WrittenTable::entry(name, allocation), true));
        table.writer.unpublish("passing" + std::to_string((i + 1) % 3'000));
    }
    stop = true;
    lister.join();
    EXPECT_EQ(short_walks, 0);
}

}  // namespace
}  // namespace fastio::table
