#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "support/errors.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::Leases;
using test::Reader;
using test::WrittenTable;

class AcquireTest : public testing::Test {
protected:
    AcquireResult acquire_name(std::string_view name, std::uint64_t newer_than = 0) {
        return acquire(client_.reader, leases_.pages, name, hash_name(name.data(), name.size()), newer_than, acquired_,
                       retries_, [this](AllocationRef allocation) {
                           nudged_.push_back(allocation);
                           on_nudge_();
                       });
    }

    WrittenTable table_;
    Reader client_{table_};
    Leases leases_;
    Acquired acquired_;
    std::uint64_t retries_ = 0;
    std::vector<AllocationRef> nudged_;
    std::function<void()> on_nudge_ = [] {};
};

TEST_F(AcquireTest, YieldsCopyPlacementAndALeaseThatTheServiceSees) {
    table_.publish("volume", 777);
    ASSERT_EQ(acquire_name("volume"), AcquireResult::acquired);
    EXPECT_EQ(acquired_.copy.size, 777U);
    EXPECT_EQ(acquired_.placement.size, 777U);
    EXPECT_EQ(acquired_.placement.offset, 777U * 256);
    EXPECT_EQ(leases_.book.entry(acquired_.lease),
              pack_lease(acquired_.copy.allocation.slot, acquired_.copy.allocation.generation));
    EXPECT_EQ(retries_, 0U);
    EXPECT_TRUE(nudged_.empty());
}

TEST_F(AcquireTest, LeavesNoLeaseForAMissingName) {
    EXPECT_EQ(acquire_name("volume"), AcquireResult::missing);
    EXPECT_EQ(leases_.pages.in_use(), 0U);
}

TEST_F(AcquireTest, MissesAVersionThatIsNotNewer) {
    const std::uint64_t version = table_.publish("volume").version;
    EXPECT_EQ(acquire_name("volume", version), AcquireResult::missing);
    EXPECT_EQ(acquire_name("volume", version - 1), AcquireResult::acquired);
    table_.publish("volume", 8, true);
    EXPECT_EQ(acquire_name("volume", version), AcquireResult::acquired);
}

TEST_F(AcquireTest, SaysWhenEveryEntryIsInUse) {
    table_.publish("volume");
    while (acquire_name("volume") == AcquireResult::acquired) {
    }
    EXPECT_EQ(acquire_name("volume"), AcquireResult::no_lease_entry);
    EXPECT_EQ(leases_.pages.in_use(), kLeasesPerChunk);
    leases_.pages.drop(3);
    EXPECT_EQ(acquire_name("volume"), AcquireResult::acquired);
}

TEST_F(AcquireTest, DropsNudgesAndRetriesWhenTheAllocationIsRetired) {
    table_.publish("volume", 1);
    const AllocationRef first = table_.writer.find("volume")->allocation;
    // Retired although a name leads to it: what a reader sees that was stopped between its lookup and its lease.
    table_.writer.apply(first, AllocationEvent::last_name);
    on_nudge_ = [this] { table_.publish("volume", 2, true); };
    ASSERT_EQ(acquire_name("volume"), AcquireResult::acquired);
    EXPECT_EQ(acquired_.copy.size, 2U);
    EXPECT_EQ(nudged_, std::vector{first});
    EXPECT_EQ(retries_, 1U);
    EXPECT_EQ(leases_.pages.in_use(), 1U);
}

TEST_F(AcquireTest, HoldsTwoLeasesForTwoGetsOfOneName) {
    table_.publish("volume");
    ASSERT_EQ(acquire_name("volume"), AcquireResult::acquired);
    const std::uint32_t first = acquired_.lease;
    ASSERT_EQ(acquire_name("volume"), AcquireResult::acquired);
    EXPECT_NE(acquired_.lease, first);
    EXPECT_EQ(leases_.pages.in_use(), 2U);
}

TEST_F(AcquireTest, AcquiresAPoisonedAllocationForTheCallerToJudge) {
    table_.publish("volume");
    table_.writer.poison(table_.writer.find("volume")->allocation);
    ASSERT_EQ(acquire_name("volume"), AcquireResult::acquired);
    EXPECT_TRUE(client_.reader.allocation_state(acquired_.copy.allocation.slot).poisoned);
}

/// Fails on demand, where a lost service would.
class FailingSource final : public SegmentSource {
public:
    explicit FailingSource(WrittenTable& table) : good_(table) {}
    Descriptor fetch(SegmentKind kind, std::uint32_t ordinal) override {
        if (kind == failing) {
            throw Error(Errc::service_lost, "the service went away while a segment was asked for");
        }
        return good_.fetch(kind, ordinal);
    }
    SegmentKind failing = SegmentKind::header;

private:
    test::WriterSource good_;
};

TEST_F(AcquireTest, LeavesNoLeaseWhenTheServiceIsLostInBetween) {
    const std::byte attribute[] = {std::byte{1}};
    PublicationEntry entry = WrittenTable::entry("volume", table_.live_allocation());
    entry.attributes = attribute;
    static_cast<void>(table_.writer.publish(entry, false));
    for (const SegmentKind kind :
         {SegmentKind::index, SegmentKind::publications, SegmentKind::allocations, SegmentKind::attributes}) {
        FailingSource source(table_);
        source.failing = kind;
        TableReader reader(table_.header_file(), source);
        const auto get = [&] {
            return acquire(reader, leases_.pages, "volume", hash_name("volume", 6), 0, acquired_, retries_,
                           [](AllocationRef) {});
        };
        EXPECT_EQ(test::errc_of([&] { static_cast<void>(get()); }), Errc::service_lost);
        EXPECT_EQ(leases_.pages.in_use(), 0U);
        source.failing = SegmentKind::header;
        EXPECT_EQ(get(), AcquireResult::acquired);
        leases_.pages.drop(acquired_.lease);
    }
}

}  // namespace
}  // namespace fastio::table
