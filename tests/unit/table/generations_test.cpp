#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::Reader;
using test::WrittenTable;

constexpr std::uint32_t kLastSlotGeneration = 0xffff'ffff;

AllocationRef reclaimed(WrittenTable& table) {
    const AllocationRef allocation = table.live_allocation();
    table.writer.apply(allocation, AllocationEvent::last_name);
    table.writer.apply(allocation, AllocationEvent::reclaim);
    return allocation;
}

TEST(Generations, OfSlotsNeverWrap) {
    WrittenTable table({.max_allocations = 1});
    table.writer.start_generations_at(kLastSlotGeneration - 1);
    std::set<AllocationRef> seen;
    for (std::uint32_t use = 0; use < 3 * kAllocationsPerSegment; ++use) {
        const AllocationRef allocation = reclaimed(table);
        EXPECT_GE(allocation.generation, kLastSlotGeneration - 1);
        ASSERT_TRUE(seen.insert(allocation).second) << "slot " << allocation.slot << " was given out twice";
    }
    // Two uses each have retired the first segment's slots; a segment was added for the rest.
    EXPECT_GE(table.writer.segment(SegmentKind::allocations, 1).fd, 0);
}

TEST(Generations, RetiredSlotsShowNoAllocationEver) {
    WrittenTable table({.max_allocations = 1});
    Reader client(table);
    table.writer.start_generations_at(kLastSlotGeneration);
    const AllocationRef allocation = reclaimed(table);
    for (std::uint32_t use = 0; use < 2 * kAllocationsPerSegment; ++use) {
        ASSERT_NE(reclaimed(table).slot, allocation.slot);
    }
    EXPECT_EQ(client.reader.allocation_state(allocation.slot).state, AllocationState::vacant);
    EXPECT_EQ(table.writer.state(allocation), std::nullopt);
    EXPECT_EQ(table.writer.apply(allocation, AllocationEvent::publish), std::nullopt);
}

TEST(Generations, OfRecordsNeverWrap) {
    WrittenTable table;
    Reader client(table);
    const AllocationRef allocation = table.live_allocation();
    table.writer.start_generations_at(IndexWord::kMaxGeneration - 1);
    for (std::uint32_t use = 1; use <= 5 * kPublicationsPerSegment; ++use) {
        static_cast<void>(table.writer.publish(WrittenTable::entry("hot", allocation, use), true));
        PublicationCopy copy;
        ASSERT_TRUE(client.lookup("hot", copy));
        ASSERT_EQ(copy.size, use);
    }
    // Two uses per record: five segments' worth of uses needs three segments at least.
    EXPECT_GE(table.writer.segment(SegmentKind::publications, 2).fd, 0);
    EXPECT_EQ(table.writer.segment(SegmentKind::publications, 3).fd, -1);
}

TEST(Generations, TellALaterAllocationInASlotFromAnEarlier) {
    WrittenTable table({.max_allocations = 1});
    Reader client(table);
    const AllocationRef first = reclaimed(table);
    AllocationRef again{};
    for (std::uint32_t use = 0; use < kAllocationsPerSegment; ++use) {
        again = reclaimed(table);
    }
    ASSERT_EQ(again.slot, first.slot);
    EXPECT_EQ(again.generation, first.generation + 1);
    EXPECT_EQ(client.reader.allocation_state(first.slot).generation, again.generation);
}

}  // namespace
}  // namespace fastio::table
