#include <gtest/gtest.h>

#include "support/errors.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::errc_of;
using test::Reader;
using test::WrittenTable;

constexpr Placement kPlacement{{3, 4}, 4096, 1000, 1024, 1};

TEST(TableAllocations, AreCreatedWhereTheyLie) {
    WrittenTable table;
    Reader client(table);
    const AllocationRef allocation = table.writer.add_allocation(kPlacement);
    EXPECT_EQ(client.reader.allocation_state(allocation.slot),
              (StateWord{allocation.generation, AllocationState::created, false}));
    const Placement placement = client.reader.placement(allocation.slot);
    EXPECT_EQ(placement.slab, (SlabRef{3, 4}));
    EXPECT_EQ(placement.offset, 4096U);
    EXPECT_EQ(placement.size, 1000U);
    EXPECT_EQ(placement.capacity, 1024U);
    EXPECT_EQ(placement.device, 1U);
    EXPECT_EQ(table.writer.allocations(), 1U);
}

TEST(TableAllocations, FollowTheLifeCycleInBothViews) {
    WrittenTable table;
    Reader client(table);
    const AllocationRef allocation = table.writer.add_allocation(kPlacement);
    const auto steps = {std::pair{AllocationEvent::publish, AllocationState::live},
                        std::pair{AllocationEvent::last_name, AllocationState::retired},
                        std::pair{AllocationEvent::publish, AllocationState::live},
                        std::pair{AllocationEvent::last_name, AllocationState::retired}};
    for (const auto& [event, expected] : steps) {
        EXPECT_EQ(table.writer.apply(allocation, event), expected);
        EXPECT_EQ(table.writer.state(allocation), expected);
        EXPECT_EQ(client.reader.allocation_state(allocation.slot).state, expected);
    }
    EXPECT_EQ(table.writer.apply(allocation, AllocationEvent::reclaim), AllocationState::vacant);
    EXPECT_EQ(table.writer.state(allocation), std::nullopt);
    EXPECT_EQ(client.reader.allocation_state(allocation.slot).state, AllocationState::vacant);
    EXPECT_EQ(table.writer.allocations(), 0U);
}

TEST(TableAllocations, RefuseEventsThatCannotHappen) {
    WrittenTable table;
    Reader client(table);
    const AllocationRef allocation = table.writer.add_allocation(kPlacement);
    EXPECT_EQ(table.writer.apply(allocation, AllocationEvent::reclaim), std::nullopt);
    EXPECT_EQ(table.writer.apply(allocation, AllocationEvent::last_name), std::nullopt);
    EXPECT_EQ(table.writer.apply(allocation, AllocationEvent::create), std::nullopt);
    EXPECT_EQ(client.reader.allocation_state(allocation.slot).state, AllocationState::created);
}

TEST(TableAllocations, IgnoreEventsOfOtherGenerationsAndSlots) {
    WrittenTable table;
    const AllocationRef allocation = table.writer.add_allocation(kPlacement);
    for (const AllocationRef other :
         {AllocationRef{allocation.slot, allocation.generation + 1}, AllocationRef{allocation.slot, 0},
          AllocationRef{allocation.slot + 1, 1}, AllocationRef{0xffff'ffff, 1}, AllocationRef{kMostAllocations, 1}}) {
        EXPECT_EQ(table.writer.apply(other, AllocationEvent::publish), std::nullopt);
        EXPECT_EQ(table.writer.state(other), std::nullopt);
        table.writer.poison(other);
        EXPECT_FALSE(table.writer.poisoned(other));
    }
    EXPECT_EQ(table.writer.state(allocation), AllocationState::created);
    EXPECT_FALSE(table.writer.poisoned(allocation));
}

TEST(TableAllocations, StayPoisonedUntilReclaimed) {
    WrittenTable table({.max_allocations = 1});
    Reader client(table);
    const AllocationRef allocation = table.live_allocation();
    table.writer.poison(allocation);
    EXPECT_TRUE(table.writer.poisoned(allocation));
    EXPECT_TRUE(client.reader.allocation_state(allocation.slot).poisoned);
    table.writer.apply(allocation, AllocationEvent::last_name);
    EXPECT_TRUE(client.reader.allocation_state(allocation.slot).poisoned);
    table.writer.apply(allocation, AllocationEvent::reclaim);
    EXPECT_FALSE(client.reader.allocation_state(allocation.slot).poisoned);
    EXPECT_FALSE(table.writer.poisoned(table.live_allocation()));
}

TEST(TableAllocations, FillUpAtTheirLimit) {
    WrittenTable table({.max_allocations = 2});
    const AllocationRef first = table.live_allocation();
    table.live_allocation();
    EXPECT_EQ(errc_of([&] { static_cast<void>(table.writer.add_allocation(kPlacement)); }), Errc::table_full);
    table.writer.apply(first, AllocationEvent::last_name);
    EXPECT_EQ(errc_of([&] { static_cast<void>(table.writer.add_allocation(kPlacement)); }), Errc::table_full);
    table.writer.apply(first, AllocationEvent::reclaim);
    EXPECT_NO_THROW(table.live_allocation());
}

TEST(TableAllocations, GoOnInFurtherSegments) {
    WrittenTable table;
    Reader client(table);
    std::vector<AllocationRef> allocations;
    for (std::uint32_t i = 0; i < 2 * kAllocationsPerSegment + 1; ++i) {
        allocations.push_back(table.live_allocation(i + 1));
    }
    EXPECT_GE(table.writer.segment(SegmentKind::allocations, 2).fd, 0);
    for (std::uint32_t i = 0; i < allocations.size(); ++i) {
        ASSERT_EQ(client.reader.placement(allocations[i].slot).size, i + 1);
        ASSERT_EQ(client.reader.allocation_state(allocations[i].slot).generation, allocations[i].generation);
    }
}

TEST(TableAllocations, OutsideOfEveryTableAreVacant) {
    WrittenTable table;
    Reader client(table);
    EXPECT_EQ(client.reader.allocation_state(kMostAllocations), StateWord{});
    EXPECT_EQ(client.reader.allocation_state(0xffff'ffff), StateWord{});
    EXPECT_EQ(client.reader.placement(0xffff'ffff).capacity, 0U);
}

TEST(TableSlabs, AreSeenUntilTheyAreRemoved) {
    WrittenTable table;
    Reader client(table);
    SlabHandle handle;
    handle.kind = HandleKind::memfd;
    handle.bytes.fill(std::byte{0x5a});
    const SlabRef slab = table.writer.add_slab(handle, 4 << 20, 2, 77);
    const TableReader::Slab seen = client.reader.slab(slab);
    EXPECT_TRUE(seen.exists);
    EXPECT_EQ(seen.handle, handle);
    EXPECT_EQ(seen.bytes, 4U << 20);
    EXPECT_EQ(seen.device, 2U);
    EXPECT_EQ(seen.owner_pid, 77);

    table.writer.remove_slab({slab.index, slab.generation + 1});
    EXPECT_TRUE(client.reader.slab(slab).exists);
    table.writer.remove_slab(slab);
    EXPECT_FALSE(client.reader.slab(slab).exists);
    table.writer.remove_slab(slab);
}

TEST(TableSlabs, AreNotConfusedWithLaterOnesOfTheirIndex) {
    WrittenTable table;
    Reader client(table);
    const SlabRef first = table.writer.add_slab({}, 1, 0, 1);
    table.writer.remove_slab(first);
    SlabRef again{};
    do {
        again = table.writer.add_slab({}, 2, 0, 1);
    } while (again.index != first.index);
    EXPECT_NE(again.generation, first.generation);
    EXPECT_FALSE(client.reader.slab(first).exists);
    EXPECT_TRUE(client.reader.slab(again).exists);
    EXPECT_FALSE(client.reader.slab({kMaxSlabs, 1}).exists);
    EXPECT_FALSE(client.reader.slab({again.index, 0}).exists);
}

TEST(TableSlabs, AreListedAcrossSegmentsWhileTheyExist) {
    WrittenTable table;
    Reader client(table);
    EXPECT_TRUE(client.reader.slabs().empty());
    std::vector<SlabRef> slabs;
    for (std::uint32_t i = 0; i <= kSlabsPerSegment; ++i) {
        slabs.push_back(table.writer.add_slab({}, 1, 0, 1));
    }
    EXPECT_EQ(client.reader.slabs(), slabs);
    table.writer.remove_slab(slabs.front());
    slabs.erase(slabs.begin());
    EXPECT_EQ(client.reader.slabs(), slabs);
}

TEST(TableSlabs, GoOnInFurtherSegmentsUpToTheirLimit) {
    WrittenTable table;
    for (std::uint32_t i = 0; i < kMaxSlabs; ++i) {
        ASSERT_EQ(table.writer.add_slab({}, 1, 0, 1).index, i);
    }
    EXPECT_EQ(errc_of([&] { static_cast<void>(table.writer.add_slab({}, 1, 0, 1)); }), Errc::table_full);
}

}  // namespace
}  // namespace fastio::table
