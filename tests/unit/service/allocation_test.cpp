#include "core/attributes.hpp"
#include "running_service.hpp"
#include "service/context.hpp"

namespace fastio::test {
namespace {

class CreateTest : public ServiceTest {};
class FreeTest : public ServiceTest {};

TEST_F(CreateTest, PlacesAllocationsApartAndAligned) {
    const auto client = member();
    const auto a = client->create(1000);
    const auto b = client->create(1000, 65'536);
    EXPECT_EQ(a.capacity, 1024U);
    EXPECT_EQ(b.offset % 65'536, 0U);
    EXPECT_TRUE(a.offset + a.capacity <= b.offset || b.offset + b.capacity <= a.offset || a.slab != b.slab);
    const table::Placement placement = client->table->placement(b.slot);
    EXPECT_EQ(placement.offset, b.offset);
    EXPECT_EQ(placement.size, 1000U);
    EXPECT_EQ(client->table->allocation_state(a.slot).state, AllocationState::created);
    const wire::ContextStatsReply stats = client->stats();
    EXPECT_EQ(stats.allocations, 2U);
    EXPECT_EQ(stats.bytes_in_use, 2048U);
    EXPECT_EQ(stats.bytes_reserved, 2 * kMiB);
    EXPECT_EQ(stats.members, 1U);
}

TEST_F(CreateTest, AnEmptyArrayTakesTheSmallestBlock) {
    const auto client = member();
    const auto empty = client->create(0);
    EXPECT_EQ(empty.capacity, 256U);
    EXPECT_EQ(client->publish(empty, "empty", 0), 1U);
}

TEST_F(CreateTest, GivesTheSlabThatItLiesIn) {
    const auto client = member();
    const auto allocation = client->create(10);
    wire::Slab ask{};
    ask.index = allocation.slab;
    ask.generation = allocation.slab_generation;
    const auto reply = client->ask<wire::SlabReply>(ask);
    EXPECT_EQ(reply.bytes, 2 * kMiB);
    EXPECT_EQ(reply.handle.kind, HandleKind::memfd);
    EXPECT_EQ(client->packet.descriptor_count, 1U);
    ask.generation += 1;
    EXPECT_EQ(client->refused(ask), Errc::not_found);
}

TEST_F(CreateTest, RefusesAlignmentsThatAreNone) {
    const auto client = member();
    for (const std::uint64_t alignment : {0ULL, 1ULL, 128ULL, 300ULL, 4ULL << 20, ~0ULL}) {
        wire::Create create{};
        create.size = 10;
        create.alignment = alignment;
        EXPECT_EQ(client->refused(create), Errc::invalid_argument) << alignment;
    }
    EXPECT_EQ(client->stats().allocations, 0U);
}

TEST_F(CreateTest, RefusesMoreThanThePoolWithTheNumbers) {
    options.pool_max = 8 * kMiB;
    const auto client = member();
    const auto held = client->create(3 * kMiB);
    wire::Create create{};
    create.size = 6 * kMiB;
    EXPECT_EQ(client->refused(create), Errc::out_of_memory);
    EXPECT_NE(client->why.find("6291456"), std::string::npos) << client->why;
    EXPECT_NE(client->why.find("8388608"), std::string::npos) << client->why;
    for (const std::uint64_t size : {9 * kMiB, ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
        create.size = size;
        EXPECT_EQ(client->refused(create), Errc::out_of_memory) << size;
    }
    EXPECT_EQ(client->stats().allocations, 1U);
    EXPECT_EQ(client->stats().bytes_in_use, held.capacity);
}

TEST_F(CreateTest, RefusesMoreThanTheQuotaAndTakesItBack) {
    const auto client = member("job", 1 * kMiB);
    const auto half = client->create(kMiB / 2);
    wire::Create create{};
    create.size = kMiB / 2 + 1;
    EXPECT_EQ(client->refused(create), Errc::quota_exceeded);
    EXPECT_NE(client->why.find("524288 of the context's quota of 1048576"), std::string::npos) << client->why;
    client->release_hold(half);
    EXPECT_EQ(client->create(kMiB / 2 + 1).capacity, kMiB / 2 + 256);
}

TEST_F(CreateTest, TheUsersQuotaCountsAllContexts) {
    options.user_quota = 1 * kMiB;
    const auto a = member("a");
    const auto b = member("b");
    const auto held = a->create(kMiB * 3 / 4);
    wire::Create create{};
    create.size = kMiB / 2;
    EXPECT_EQ(b->refused(create), Errc::quota_exceeded);
    EXPECT_NE(b->why.find("user's quota"), std::string::npos);
    a->free(held, wire::kNoLease);
    EXPECT_EQ(b->create(kMiB / 2).capacity, kMiB / 2);
}

TEST_F(CreateTest, RefusesMoreAllocationsThanTheTableHolds) {
    options.max_allocations = 3;
    const auto client = member();
    const auto first = client->create(1);
    client->create(1);
    client->create(1);
    EXPECT_EQ(client->refused(wire::Create{}), Errc::table_full);
    client->release_hold(first);
    EXPECT_EQ(client->create(1).capacity, 256U);
}

TEST_F(CreateTest, RefusesADeviceThatIsNotServed) {
    const auto client = member();
    wire::Create create{};
    create.size = 1;
    wire::set_text(create.device, "cuda:1");
    EXPECT_EQ(client->refused(create), Errc::device_unavailable);
    wire::set_text(create.device, "host");
    EXPECT_EQ(client->ask<wire::CreateReply>(create).device, 0U);
}

TEST_F(CreateTest, AReleasedHoldGivesTheMemoryBack) {
    const auto client = member();
    const auto allocation = client->create(1000);
    client->release_hold(allocation);
    EXPECT_EQ(client->stats().allocations, 0U);
    EXPECT_EQ(client->stats().bytes_in_use, 0U);
    EXPECT_EQ(client->table->allocation_state(allocation.slot).state, AllocationState::vacant);
    client->release_hold(allocation);  // once more changes nothing
    EXPECT_EQ(client->stats().allocations, 0U);
}

TEST_F(CreateTest, AnothersHoldCannotBeReleased) {
    const auto owner = member();
    const auto other = member();
    const auto allocation = owner->create(1000);
    other->release_hold(allocation);
    EXPECT_EQ(other->stats().allocations, 1U);
    EXPECT_EQ(owner->publish(allocation, "mine", 1000), 1U);
}

TEST_F(FreeTest, ASoleHoldersMemoryIsBackWhenOkIsAnswered) {
    options.pool_max = 2 * kMiB;
    const auto client = member();
    for (int i = 0; i < 5; ++i) {
        const auto all = client->create(2 * kMiB);
        client->publish(all, "all", 2 * kMiB);
        client->free(all, client->last_lease);  // its lease still stands in the entry
        client->leases->drop(client->last_lease);
        EXPECT_FALSE(client->finds("all"));
    }
    EXPECT_EQ(client->stats().bytes_in_use, 0U);
}

TEST_F(FreeTest, WhatWasNeverPublishedIsFreedByItsHolder) {
    const auto client = member();
    const auto allocation = client->create(10);
    client->free(allocation, wire::kNoLease);
    EXPECT_EQ(client->stats().allocations, 0U);
    wire::Free again{};
    again.slot = allocation.slot;
    again.generation = allocation.generation;
    EXPECT_EQ(client->refused(again), Errc::released);
}

TEST_F(FreeTest, OtherLeasesKeepTheMemoryUntilTheLastNudge) {
    const auto owner = member();
    const auto reader = member();
    const auto allocation = owner->create(1000);
    owner->publish(allocation, "shared", 1000);
    const std::uint32_t entry = reader->lease(allocation);
    owner->free(allocation, owner->last_lease);
    owner->leases->drop(owner->last_lease);

    EXPECT_FALSE(reader->finds("shared"));
    EXPECT_EQ(reader->stats().allocations, 1U);
    EXPECT_EQ(reader->stats().leases, 1U);
    EXPECT_EQ(reader->table->allocation_state(allocation.slot).state, AllocationState::retired);

    reader->leases->drop(entry);
    reader->nudge(allocation);
    EXPECT_EQ(reader->stats().allocations, 0U);
}

TEST_F(FreeTest, RemovesEveryName) {
    const auto owner = member();
    const auto allocation = owner->create(1000);
    owner->publish(allocation, "one", 1000);
    owner->publish(allocation, "two", 500);
    owner->publish(allocation, "three", 10);
    EXPECT_EQ(owner->stats().publications, 3U);
    owner->free(allocation, owner->last_lease);
    EXPECT_EQ(owner->stats().publications, 0U);
    for (const char* name : {"one", "two", "three"}) {
        EXPECT_FALSE(owner->finds(name)) << name;
    }
}

TEST_F(FreeTest, NeedsALeaseOrTheHold) {
    const auto owner = member();
    const auto stranger = member();
    const auto hidden = owner->create(10);
    const auto shown = owner->create(10);
    owner->publish(shown, "shown", 10);
    wire::Free free{};
    free.slot = hidden.slot;
    free.generation = hidden.generation;
    EXPECT_EQ(stranger->refused(free), Errc::permission_denied);
    free.lease = stranger->lease(hidden);  // forged: no name ever led to it
    EXPECT_EQ(stranger->refused(free), Errc::permission_denied);
    free.slot = shown.slot;
    free.generation = shown.generation;
    EXPECT_EQ(stranger->refused(free), Errc::permission_denied);
    free.lease = wire::kNoLease;
    EXPECT_EQ(stranger->refused(free), Errc::permission_denied);
    free.lease = 511;
    EXPECT_EQ(stranger->refused(free), Errc::permission_denied);
    free.lease = 1'000'000;
    EXPECT_EQ(stranger->refused(free), Errc::permission_denied);
    EXPECT_TRUE(owner->finds("shown"));
    EXPECT_EQ(owner->stats().allocations, 2U);
}

TEST_F(FreeTest, AnEntryThatWasGivenUpCountsAgainAfterARepublish) {
    const auto first = member();
    const auto second = member();
    const auto allocation = first->create(1000);
    first->publish(allocation, "name", 1000);
    const std::uint32_t held = second->lease(allocation);
    const std::uint32_t entry = first->last_lease;
    first->free(allocation, entry);

    wire::Publish again = second->publish_message(allocation, "again", 1000);
    again.lease = held;
    EXPECT_EQ(second->ask<wire::PublishReply>(again).version, 2U);
    // The first has cleared its entry and took the new name's allocation in the same one.
    second->free(allocation, held);
    second->leases->drop(held);
    EXPECT_EQ(second->stats().allocations, 1U) << "the first's lease keeps it";
    first->leases->drop(entry);
    first->nudge(allocation);
    EXPECT_EQ(first->stats().allocations, 0U);
}

TEST_F(FreeTest, NonsenseInLeasePagesKeepsNothingAlive) {
    const auto client = member();
    for (std::uint32_t i = 0; i < 100; ++i) {
        ASSERT_TRUE(client->leases->claim({0xffff'0000U + i, i + 1}));
    }
    const auto allocation = client->create(10);
    client->release_hold(allocation);
    EXPECT_EQ(client->stats().allocations, 0U);
    EXPECT_EQ(client->stats().leases, 0U);
}

// With so many leases a scan takes long, and the next one, which a nudge asks for, is put off.
TEST_F(FreeTest, NoNudgeIsForgottenHoweverLongScansTake) {
    const auto client = member();
    const auto others = {member(), member(), member()};
    for (const auto& other : others) {
        for (std::uint32_t chunk = 1; chunk < 65'536 / table::kLeasesPerChunk; ++chunk) {
            other->ask<wire::GrantReply>(wire::GrantLeases{});
        }
    }
    for (int i = 0; i < 20; ++i) {
        const auto allocation = client->create(100);
        client->publish(allocation, "name", 100);
        const std::uint32_t lease = client->last_lease;
        wire::Free free{};
        free.slot = allocation.slot;
        free.generation = allocation.generation;
        free.lease = lease;
        free.flags = wire::Free::kKeepLease;
        client->ask<wire::Ok>(free);
        for (int nudges = 0; nudges < 10; ++nudges) {
            client->nudge(allocation);
        }
        EXPECT_EQ(client->table->allocation_state(allocation.slot).state, AllocationState::retired);
        client->leases->drop(lease);
        client->nudge(allocation);
        // Not asked of the service, whose answer would come after a scan of its own.
        while (client->table->allocation_state(allocation.slot).state == AllocationState::retired) {
            std::this_thread::yield();
        }
    }
}

TEST(RestAfter, IsNothingAfterAShortScanAndElseEightTimesAsLong) {
    EXPECT_EQ(service::Context::rest_after(std::chrono::microseconds(0)).count(), 0);
    EXPECT_EQ(service::Context::rest_after(std::chrono::microseconds(99)).count(), 0);
    EXPECT_EQ(service::Context::rest_after(std::chrono::microseconds(100)), std::chrono::microseconds(800));
    EXPECT_EQ(service::Context::rest_after(std::chrono::milliseconds(5)), std::chrono::milliseconds(40));
}

}  // namespace
}  // namespace fastio::test
