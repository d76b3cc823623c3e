#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::Reader;
using test::WrittenTable;

IndexState index_state(const Reader& client) {
    return IndexState::unpack(__atomic_load_n(&client.reader.header().index_state, __ATOMIC_ACQUIRE));
}

/// Looks for all of `names`, again and again, until told to stop; counts those that were missing.
class Watcher {
public:
    Watcher(WrittenTable& table, std::vector<std::string> names)
        : client_(table), thread_([this, names = std::move(names)] {
              while (!stop_) {
                  for (const std::string& name : names) {
                      missing_ += client_.has(name) ? 0 : 1;
                  }
                  ++rounds_;
              }
          }) {}
    ~Watcher() { finish(); }

    /// Names missed in all rounds; at least one round was complete.
    std::uint64_t finish() {
        while (rounds_ == 0) {
            std::this_thread::yield();
        }
        stop_ = true;
        if (thread_.joinable()) {
            thread_.join();
        }
        return missing_;
    }

private:
    Reader client_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> missing_{0};
    std::atomic<std::uint64_t> rounds_{0};
    std::thread thread_;
};

std::vector<std::string> publish_names(WrittenTable& table, const std::string& prefix, int count) {
    std::vector<std::string> names;
    const AllocationRef allocation = table.live_allocation();
    for (int i = 0; i < count; ++i) {
        names.push_back(prefix + std::to_string(i));
        const std::lock_guard lock(table.mutex);
        static_cast<void>(table.writer.publish(WrittenTable::entry(names.back(), allocation), false));
    }
    return names;
}

TEST(Rebuild, GrowsTheIndexAndKeepsEveryName) {
    WrittenTable table;
    Reader client(table);
    ASSERT_EQ(index_state(client).ordinal, 0U);
    const std::vector<std::string> names = publish_names(table, "n", 20'000);
    EXPECT_GT(index_state(client).epoch, 3U);
    for (const std::string& name : names) {
        ASSERT_TRUE(client.has(name)) << name;
    }
    EXPECT_FALSE(client.has("n20000"));
    EXPECT_EQ(table.writer.publications(), 20'000U);
}

TEST(Rebuild, KeepsItsSizeWhereTombstonesFilledTheIndex) {
    WrittenTable table;
    Reader client(table);
    const std::vector<std::string> steady = publish_names(table, "steady", 900);
    const AllocationRef allocation = table.live_allocation();
    for (int i = 0; i < 60'000; ++i) {
        const std::string name = "passing" + std::to_string(i);
        static_cast<void>(table.writer.publish(WrittenTable::entry(name, allocation), false));
        table.writer.unpublish(name);
    }
    EXPECT_GT(index_state(client).epoch, 2U);
    EXPECT_GE(table.writer.segment(SegmentKind::index, 1).fd, 0);
    EXPECT_EQ(table.writer.segment(SegmentKind::index, 1).bytes, table.writer.segment(SegmentKind::index, 0).bytes);
    EXPECT_EQ(table.writer.segment(SegmentKind::index, 2).fd, -1);
    for (const std::string& name : steady) {
        ASSERT_TRUE(client.has(name)) << name;
    }
    EXPECT_FALSE(client.has("passing59999"));
}

TEST(Rebuild, LeavesNoTombstonesBehindALastName) {
    WrittenTable table;
    Reader client(table);
    const AllocationRef allocation = table.live_allocation();
    for (int i = 0; i < 100'000; ++i) {
        const std::string name = "only" + std::to_string(i);
        static_cast<void>(table.writer.publish(WrittenTable::entry(name, allocation), false));
        table.writer.unpublish(name);
    }
    EXPECT_EQ(index_state(client).epoch, 1U);
}

/// Lets the writer act after the reader has read index_state and before it looks into the array that this named.
class InterruptingSource final : public SegmentSource {
public:
    InterruptingSource(WrittenTable& table, std::function<void()> act) : good_(table), act_(std::move(act)) {}
    Descriptor fetch(SegmentKind kind, std::uint32_t ordinal) override {
        if (kind == SegmentKind::index && ordinal == 0) {
            act_();
        }
        return good_.fetch(kind, ordinal);
    }

private:
    test::WriterSource good_;
    std::function<void()> act_;
};

TEST(Rebuild, MakesAReaderLookAgainThatWasInTheOldArray) {
    WrittenTable table;
    publish_names(table, "before", 2'000);
    InterruptingSource source(table, [&table] {
        publish_names(table, "during", 100);
        table.publish("late");
    });
    TableReader reader(table.header_file(), source);
    PublicationCopy copy;
    std::uint64_t retries = 0;
    EXPECT_TRUE(reader.lookup("late", hash_name("late", 4), copy, &retries));
    EXPECT_EQ(retries, 1U);
}

TEST(Rebuild, MakesAReaderListAgainThatWasInTheOldArray) {
    WrittenTable table;
    publish_names(table, "before", 2'000);
    InterruptingSource source(table, [&table] { publish_names(table, "during", 100); });
    TableReader reader(table.header_file(), source);
    EXPECT_EQ(reader.list("").size(), 2'100U);
}

TEST(Rebuild, NeverHidesANameFromReadersWhileTheIndexGrows) {
    WrittenTable table;
    Watcher watcher(table, publish_names(table, "steady", 200));
    publish_names(table, "more", 20'000);
    EXPECT_EQ(watcher.finish(), 0U);
}

TEST(Rebuild, NeverHidesANameFromReadersWhileNamesComeAndGo) {
    WrittenTable table;
    Watcher watcher(table, publish_names(table, "steady", 900));
    const AllocationRef allocation = table.live_allocation();
    for (int i = 0; i < 40'000; ++i) {
        const std::string name = "passing" + std::to_string(i);
        const std::string old = "passing" + std::to_string(i - 300);
        const std::lock_guard lock(table.mutex);
        static_cast<void>(table.writer.publish(WrittenTable::entry(name, allocation), false));
        table.writer.unpublish(old);
    }
    EXPECT_EQ(watcher.finish(), 0U);
}

TEST(Rebuild, NeverHidesANameThatIsReplaced) {
    WrittenTable table;
    std::vector<std::string> names = publish_names(table, "replaced", 5);
    Watcher watcher(table, names);
    const AllocationRef allocation = table.live_allocation();
    for (std::size_t i = 0; i < 60'000; ++i) {
        const std::lock_guard lock(table.mutex);
        static_cast<void>(table.writer.publish(WrittenTable::entry(names[i % names.size()], allocation), true));
    }
    EXPECT_EQ(watcher.finish(), 0U);
}

}  // namespace
}  // namespace fastio::table
