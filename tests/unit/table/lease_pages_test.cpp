#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>
#include <vector>

#include "device/memfd.hpp"
#include "support/errors.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::duplicate;
using test::errc_of;
using test::Leases;

TEST(LeasePages, WriteTheAllocationIntoTheEntryTheyClaim) {
    Leases leases;
    const auto entry = leases.pages.claim({5, 9});
    ASSERT_TRUE(entry);
    EXPECT_EQ(leases.book.entry(*entry), pack_lease(5, 9));
    EXPECT_EQ(leases.pages.in_use(), 1U);
    leases.pages.drop(*entry);
    EXPECT_EQ(leases.book.entry(*entry), 0U);
    EXPECT_EQ(leases.pages.in_use(), 0U);
}

TEST(LeasePages, ClaimTheEntryThatWasDroppedLast) {
    Leases leases;
    const auto first = leases.pages.claim({1, 1});
    const auto second = leases.pages.claim({2, 1});
    ASSERT_TRUE(first && second);
    EXPECT_NE(*first, *second);
    leases.pages.drop(*first);
    EXPECT_EQ(leases.pages.claim({3, 1}), first);
}

TEST(LeasePages, GiveEveryGrantedEntryOnceAndThenNone) {
    Leases leases(4096, 2);
    std::set<std::uint32_t> entries;
    for (std::uint32_t i = 0; i < 2 * kLeasesPerChunk; ++i) {
        const auto entry = leases.pages.claim({i, 1});
        ASSERT_TRUE(entry);
        EXPECT_LT(*entry, 2 * kLeasesPerChunk);
        ASSERT_TRUE(entries.insert(*entry).second);
    }
    EXPECT_EQ(leases.pages.claim({7, 7}), std::nullopt);
    leases.pages.drop(77);
    EXPECT_EQ(leases.pages.claim({7, 7}), 77U);
}

TEST(LeasePages, UseAChunkOnceItIsGranted) {
    Leases leases(4096, 1);
    while (leases.pages.claim({1, 1})) {
    }
    ASSERT_TRUE(leases.book.grant());
    leases.pages.grant(2);
    EXPECT_EQ(leases.pages.granted_chunks(), 2U);
    const auto entry = leases.pages.claim({2, 2});
    ASSERT_TRUE(entry);
    EXPECT_GE(*entry, kLeasesPerChunk);
    EXPECT_EQ(leases.book.entry(*entry), pack_lease(2, 2));
}

TEST(LeasePages, NeverShrinkNorLeaveTheirFile) {
    Leases leases(2 * kLeasesPerChunk, 1);
    leases.pages.grant(100);
    EXPECT_EQ(leases.pages.granted_chunks(), 2U);
    leases.pages.grant(1);
    EXPECT_EQ(leases.pages.granted_chunks(), 2U);
}

TEST(LeasePages, WithoutAGrantGiveNothing) {
    Leases leases(4096, 0);
    EXPECT_EQ(leases.pages.claim({1, 1}), std::nullopt);
}

TEST(LeasePages, AreRefusedInAFileOfTheWrongSize) {
    const auto attach = [](std::uint64_t bytes, std::uint32_t chunks, bool sealed = true) {
        return errc_of([&] {
            Descriptor file = make_memfd("leases", bytes);
            if (sealed) {
                seal_size(file.get());
            }
            LeasePages(std::move(file), chunks);
        });
    };
    EXPECT_EQ(attach(0, 0), Errc::protocol_error);
    EXPECT_EQ(attach(4095, 0), Errc::protocol_error);
    EXPECT_EQ(attach(4096, 2), Errc::protocol_error);
    EXPECT_EQ(attach(4096, 1, false), Errc::protocol_error);
}

TEST(LeasePages, GiveThreadsDifferentEntries) {
    Leases leases(4096, 4);
    constexpr std::uint32_t kThreads = 4;
    std::vector<std::uint64_t> lost(kThreads);
    std::vector<std::thread> threads;
    for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
            for (std::uint32_t round = 1; round <= 5'000; ++round) {
                const AllocationRef mine{thread, round};
                const auto entry = leases.pages.claim(mine);
                if (!entry || leases.book.entry(*entry) != pack_lease(mine.slot, mine.generation)) {
                    ++lost[thread];
                    continue;
                }
                leases.pages.drop(*entry);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(lost, std::vector<std::uint64_t>(kThreads, 0));
    EXPECT_EQ(leases.pages.in_use(), 0U);
}

TEST(LeasePages, AreNotThereInAForkedChildAndItsParentKeepsThem) {
    Leases leases;
    const auto entry = leases.pages.claim({5, 9});
    ASSERT_TRUE(entry);
    const pid_t child = ::fork();
    if (child == 0) {
        leases.pages.abandon();
        const bool nothing = !leases.pages.claim({1, 1}) && leases.pages.granted_chunks() == 0;
        ::_exit(nothing ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    EXPECT_EQ(leases.book.entry(*entry), pack_lease(5, 9));
}

}  // namespace
}  // namespace fastio::table
