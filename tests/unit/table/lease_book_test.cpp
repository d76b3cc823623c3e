#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <random>

#include "device/mapping.hpp"
#include "device/memfd.hpp"
#include "support/errors.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::errc_of;
using test::Leases;
using test::WrittenTable;

std::map<std::uint32_t, AllocationRef> scanned(const LeaseBook& book) {
    std::map<std::uint32_t, AllocationRef> found;
    book.scan([&](AllocationRef allocation, std::uint32_t entry, bool) { found.emplace(entry, allocation); });
    return found;
}

TEST(LeaseBook, FindsEveryEntryInUse) {
    Leases leases(4096, 2);
    std::map<std::uint32_t, AllocationRef> expected;
    for (std::uint32_t i = 0; i < 700; ++i) {
        const AllocationRef allocation{i, i + 1};
        expected.emplace(leases.pages.claim(allocation).value(), allocation);
    }
    for (std::uint32_t drops = 0; drops < 100; ++drops) {
        leases.pages.drop(expected.begin()->first);
        expected.erase(expected.begin());
    }
    EXPECT_EQ(scanned(leases.book), expected);
}

TEST(LeaseBook, RoundsUpToChunksAndGrantsThemOneByOne) {
    LeaseBook book(2 * kLeasesPerChunk + 1, 1);
    EXPECT_EQ(book.max_chunks(), 3U);
    EXPECT_EQ(book.granted_chunks(), 1U);
    EXPECT_TRUE(book.grant());
    EXPECT_TRUE(book.grant());
    EXPECT_FALSE(book.grant());
    EXPECT_EQ(book.granted_chunks(), 3U);
    EXPECT_EQ(file_bytes(book.file()), 3U * 4096);
}

TEST(LeaseBook, RefusesSizesThatMakeNoSense) {
    EXPECT_EQ(errc_of([] { LeaseBook(0, 0); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([] { LeaseBook(512, 2); }), Errc::invalid_argument);
}

TEST(LeaseBook, LooksOnlyAtWhatItGranted) {
    LeaseBook book(2 * kLeasesPerChunk, 1);
    const Mapping hostile(book.file(), 2 * 4096, Mapping::Access::read_write);
    auto* const words = reinterpret_cast<std::uint64_t*>(hostile.data());
    words[kLeasesPerChunk] = pack_lease(1, 1);
    EXPECT_TRUE(scanned(book).empty());
    EXPECT_EQ(book.entry(kLeasesPerChunk), 0U);
    EXPECT_EQ(book.entry(0xffff'ffff), 0U);
    ASSERT_TRUE(book.grant());
    EXPECT_EQ(scanned(book).size(), 1U);
    EXPECT_EQ(book.entry(kLeasesPerChunk), pack_lease(1, 1));
}

TEST(LeaseBook, PassesHostileEntriesThatTheWriterThenIgnores) {
    WrittenTable table;
    const AllocationRef allocation = table.live_allocation();
    LeaseBook book(kLeasesPerChunk, 1);
    const Mapping hostile(book.file(), 4096, Mapping::Access::read_write);
    auto* const words = reinterpret_cast<std::uint64_t*>(hostile.data());
    constexpr std::uint64_t kSeed = 99;
    std::mt19937_64 random(kSeed);
    for (std::uint32_t i = 0; i < kLeasesPerChunk; ++i) {
        words[i] = random() | 1U;
    }
    words[3] = ~std::uint64_t{0};
    std::uint32_t visited = 0;
    book.scan([&](AllocationRef seen, std::uint32_t, bool) {
        ++visited;
        EXPECT_EQ(table.writer.state(seen).has_value(), seen == allocation);
        EXPECT_EQ(table.writer.apply(seen, AllocationEvent::last_name).has_value(), seen == allocation);
    });
    EXPECT_EQ(visited, kLeasesPerChunk) << "seed " << kSeed;
}

TEST(LeaseBook, KeepsItsFileAtItsSize) {
    const LeaseBook book(kLeasesPerChunk, 1);
    EXPECT_TRUE(has_size_seals(book.file()));
    EXPECT_NE(::ftruncate(book.file(), 0), 0);
}

}  // namespace
}  // namespace fastio::table
