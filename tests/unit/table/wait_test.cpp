#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "support/watchdog.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::Reader;
using test::Watchdog;
using test::WrittenTable;
using Clock = std::chrono::steady_clock;

constexpr Clock::time_point kNever = Clock::time_point::max();
const std::string kName = "volume";
const std::uint64_t kHash = hash_name(kName.data(), kName.size());

/// Waits as a blocked get does, until the name has a version above `newer_than` or `cancel` is no longer 0. Returns
/// the version, or 0 when cancelled.
std::uint64_t wait_for_newer(Reader& client, std::uint64_t newer_than, const std::uint32_t& cancel) {
    while (true) {
        const std::uint32_t seen = client.reader.bucket_sequence(kHash);
        const std::uint64_t version = client.version(kName);
        if (version > newer_than) {
            return version;
        }
        if (__atomic_load_n(&cancel, __ATOMIC_ACQUIRE) != 0 || client.reader.ended()) {
            return 0;
        }
        wait_for_change(client.reader.bucket(kHash), seen, &cancel, 0, kNever);
    }
}

TEST(WaitForChange, TimesOutWhenNothingChanges) {
    WrittenTable table;
    Reader client(table);
    const std::uint32_t cancel = 0;
    const std::uint32_t* const bucket = client.reader.bucket(kHash);
    const std::uint32_t seen = client.reader.bucket_sequence(kHash);
    EXPECT_EQ(wait_for_change(bucket, seen, &cancel, 0, Clock::now() - std::chrono::seconds(1)), WaitResult::timed_out);
    EXPECT_EQ(wait_for_change(bucket, seen, &cancel, 0, Clock::time_point::min()), WaitResult::timed_out);
    const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(20);
    Clock::time_point before = Clock::now();
    while (wait_for_change(bucket, seen, &cancel, 0, deadline) == WaitResult::woken) {
        ASSERT_LT(before, deadline) << "woken without a change after the deadline";
        before = Clock::now();
    }
    EXPECT_GE(Clock::now(), deadline);
}

TEST(WaitForChange, ReturnsAtOnceWhereAWordHasChangedAlready) {
    const Watchdog watchdog("a wait for words that had changed");
    WrittenTable table;
    Reader client(table);
    const std::uint32_t cancel = 1;
    const std::uint32_t seen = client.reader.bucket_sequence(kHash);
    EXPECT_EQ(wait_for_change(client.reader.bucket(kHash), seen, &cancel, 0, kNever), WaitResult::woken);
    EXPECT_EQ(wait_for_change(client.reader.bucket(kHash), seen + 1, &cancel, 1, kNever), WaitResult::woken);
}

TEST(WaitForChange, IsWokenByAPublication) {
    const Watchdog watchdog("a get that waits for a publication");
    WrittenTable table;
    Reader client(table);
    const std::uint32_t cancel = 0;
    std::uint64_t version = 0;
    std::thread waiter([&] { version = wait_for_newer(client, 0, cancel); });
    {
        const std::lock_guard lock(table.mutex);
        table.publish(kName);
    }
    waiter.join();
    EXPECT_EQ(version, 1U);
}

TEST(WaitForChange, LosesNoWakeUp) {
    // Each version is published only after the one before was seen: a lost wake-up would stop both.
    const Watchdog watchdog("a consumer of 3,000 versions");
    WrittenTable table;
    const std::uint32_t cancel = 0;
    constexpr std::uint64_t kVersions = 3'000;
    std::atomic<std::uint64_t> last_seen{0};
    std::thread consumer([&] {
        Reader client(table);
        for (std::uint64_t version = 0; version < kVersions;) {
            version = wait_for_newer(client, version, cancel);
            last_seen = version;
        }
    });
    for (std::uint64_t version = 1; version <= kVersions; ++version) {
        {
            const std::lock_guard lock(table.mutex);
            table.publish(kName, 8, true);
        }
        while (last_seen != version) {
            std::this_thread::yield();
        }
    }
    consumer.join();
    EXPECT_EQ(last_seen, kVersions);
}

TEST(WaitForChange, IsWokenByCancelling) {
    const Watchdog watchdog("a get that is cancelled");
    WrittenTable table;
    Reader client(table);
    std::uint32_t cancel = 0;
    std::uint64_t version = 1;
    std::thread waiter([&] { version = wait_for_newer(client, 0, cancel); });
    __atomic_store_n(&cancel, 1, __ATOMIC_RELEASE);
    wake(&cancel, false);
    waiter.join();
    EXPECT_EQ(version, 0U);
}

TEST(WaitForChange, IsWokenByTheEndOfTheContext) {
    const Watchdog watchdog("a get whose context ends");
    WrittenTable table;
    Reader client(table);
    const std::uint32_t cancel = 0;
    std::uint64_t version = 1;
    std::thread waiter([&] { version = wait_for_newer(client, 0, cancel); });
    {
        const std::lock_guard lock(table.mutex);
        table.writer.end();
    }
    waiter.join();
    EXPECT_EQ(version, 0U);
}

TEST(Buckets, RiseWithPublicationsOfTheirNamesOnly) {
    WrittenTable table;
    Reader client(table);
    std::string other = "other";
    while (hash_name(other.data(), other.size()) % kBuckets == kHash % kBuckets) {
        other += 'x';
    }
    const std::uint32_t before = client.reader.bucket_sequence(kHash);
    table.publish(other);
    EXPECT_EQ(client.reader.bucket_sequence(kHash), before);
    table.publish(kName);
    EXPECT_EQ(client.reader.bucket_sequence(kHash), before + 1);
    table.writer.unpublish(kName);
    EXPECT_EQ(client.reader.bucket_sequence(kHash), before + 1);
    table.writer.wake_all();
    EXPECT_EQ(client.reader.bucket_sequence(kHash), before + 2);
}

}  // namespace
}  // namespace fastio::table
