#include "client_fixture.hpp"

namespace fastio::test {
namespace {

Context join(const RunningService& service, std::uint64_t quota = 0) {
    return Context({.job = "job", .socket = service.socket(), .quota = quota, .connect_timeout = forever});
}

TEST(LimitsTest, MoreThanThePoolIsOutOfMemory) {
    RunningService service({.pool_max = 4 * kMiB});
    Context ctx = join(service);
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(5 * kMiB)); }), Errc::out_of_memory);
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(std::uint64_t{1} << 62)); }), Errc::out_of_memory);
    const Allocation fits = ctx.create(2 * kMiB);
    EXPECT_TRUE(fits);
}

TEST(LimitsTest, MemoryThatIsReleasedCanBeUsedAgain) {
    RunningService service({.pool_max = 2 * kMiB});
    Context ctx = join(service);
    for (int i = 0; i < 10; ++i) {
        Allocation a = ctx.create(2 * kMiB);
        EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(kMiB)); }), Errc::out_of_memory);
        a.publish("a", {.replace = true});
        a.free();
    }
    EXPECT_EQ(ctx.stats().allocations, 0U);
}

TEST(LimitsTest, ALargerSlabIsMadeOnceTheSmallOnesAreUnmapped) {
    RunningService service({.pool_max = 8 * kMiB, .closing_patience = std::chrono::hours(1)});
    Context ctx = join(service);
    Context reader = join(service);
    {
        Allocation small = ctx.create(kMiB);
        small.publish("small");
        const Allocation mapped = reader.get("small");
        EXPECT_EQ(reader.stats().slabs_mapped, 1U);
        small.free();
    }
    // The whole pool in one piece: every member has to unmap the slab that there was, without being called.
    const Allocation all = ctx.create(8 * kMiB);
    EXPECT_EQ(all.size(), 8 * kMiB);
    EXPECT_EQ(reader.stats().slabs_mapped, 0U);
}

TEST(LimitsTest, TheServicesQuotaHolds) {
    RunningService service({.quota = kMiB});
    Context ctx = join(service);
    const Allocation half = ctx.create(kMiB / 2);
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(kMiB)); }), Errc::quota_exceeded);
    EXPECT_EQ(ctx.stats().quota, kMiB);
}

TEST(LimitsTest, TheSmallerQuotaHolds) {
    RunningService service({.quota = kMiB});
    Context ctx = join(service, kMiB / 4);
    EXPECT_EQ(ctx.stats().quota, kMiB / 4);
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(kMiB / 2)); }), Errc::quota_exceeded);
}

TEST(LimitsTest, AFullTableRefusesCreate) {
    RunningService service({.max_allocations = 4});
    Context ctx = join(service);
    std::vector<Allocation> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(ctx.create(8));
    }
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(8)); }), Errc::table_full);
    all.pop_back();
    EXPECT_TRUE(ctx.create(8));
}

TEST(LimitsTest, LeasesGrowByChunksUpToTheLimit) {
    RunningService service({.max_leases = 1024});
    Context ctx = join(service);
    publish_text(ctx, "a", "text");
    std::vector<Allocation> leases;
    for (int i = 0; i < 1024; ++i) {
        leases.push_back(ctx.get("a"));
    }
    EXPECT_EQ(ctx.stats().own_leases, 1024U);
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.get("a")); }), Errc::lease_limit);
    leases.pop_back();
    EXPECT_EQ(text_of(ctx.get("a")), "text");
}

TEST(LimitsTest, PublishWithoutALeaseEntryLeavesTheAllocationAsItWas) {
    RunningService service({.max_leases = 512});
    Context ctx = join(service);
    publish_text(ctx, "a", "text");
    Allocation mine = ctx.create(8);
    std::vector<Allocation> leases;
    for (int i = 0; i < 512; ++i) {
        leases.push_back(ctx.get("a"));
    }
    EXPECT_EQ(errc_of([&] { mine.publish("mine"); }), Errc::lease_limit);
    EXPECT_EQ(mine.version(), 0U);
    leases.clear();
    mine.publish("mine");
    EXPECT_TRUE(ctx.find("mine"));
}

TEST(LimitsTest, TooManyClientsAreRefused) {
    RunningService service({.max_clients = 1});
    const Context ctx = join(service);
    EXPECT_EQ(errc_of([&] { static_cast<void>(join(service)); }), Errc::quota_exceeded);
}

}  // namespace
}  // namespace fastio::test
