#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using LifeCycleTest = ClientTest;

TEST_F(LifeCycleTest, EveryCallOnAReleasedAllocationSaysSo) {
    Allocation a = ctx.create(8);
    a.release();
    EXPECT_FALSE(a);
    char byte = 0;
    EXPECT_EQ(errc_of([&] { a.release(); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.release(Stream(nullptr)); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.free(); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.free(Stream(nullptr)); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.unpublish(); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.order(Stream(nullptr), Stream(nullptr)); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.publish("a"); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.data()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.data<int>()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.as_span<int>()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.size()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.count()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.type()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.dimensions()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.attributes()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.device()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.name()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.version()); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.set_type_and_dimensions(uint8, {1}); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.check(); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.copy_from(&byte, 1); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.copy_to(&byte, 1); }), Errc::released);
}

TEST_F(LifeCycleTest, AFreedAllocationCannotBeFreedAgain) {
    Allocation a = ctx.create(8);
    a.publish("a");
    a.free();
    EXPECT_FALSE(a);
    EXPECT_EQ(errc_of([&] { a.free(); }), Errc::released);
    EXPECT_EQ(errc_of([&] { a.publish("a"); }), Errc::released);
}

TEST_F(LifeCycleTest, ADefaultAllocationRefersToNothing) {
    Allocation a;
    EXPECT_FALSE(a);
    EXPECT_EQ(errc_of([&] { static_cast<void>(a.data()); }), Errc::released);
}

TEST_F(LifeCycleTest, AMovedFromAllocationIsReleasedAndTheOtherKeepsTheLease) {
    publish_text(ctx, "a", "text");
    Allocation first = other.get("a");
    Allocation second = std::move(first);
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the promise
    EXPECT_EQ(errc_of([&] { static_cast<void>(first.data()); }), Errc::released);
    EXPECT_EQ(text_of(second), "text");
    EXPECT_EQ(other.stats().own_leases, 1U);
}

TEST_F(LifeCycleTest, MoveAssignmentReleasesWhatWasThere) {
    publish_text(ctx, "a", "A");
    publish_text(ctx, "b", "B");
    Allocation x = other.get("a");
    x = other.get("b");
    EXPECT_EQ(text_of(x), "B");
    EXPECT_EQ(other.stats().own_leases, 1U);
}

TEST_F(LifeCycleTest, AllocationsMoveThroughContainersWithoutLosingALease) {
    publish_text(ctx, "a", "A");
    std::vector<Allocation> all;
    for (int i = 0; i < 100; ++i) {
        all.insert(all.begin(), other.get("a"));
    }
    EXPECT_EQ(other.stats().own_leases, 100U);
    all.erase(all.begin() + 10, all.begin() + 60);
    EXPECT_EQ(other.stats().own_leases, 50U);
    all.clear();
    EXPECT_EQ(other.stats().own_leases, 0U);
}

TEST_F(LifeCycleTest, ReleaseOfAPrivateAllocationReturnsItsMemory) {
    Allocation a = ctx.create(8);
    EXPECT_EQ(ctx.stats().allocations, 1U);
    a.release();
    EXPECT_EQ(ctx.stats().allocations, 0U);
}

TEST_F(LifeCycleTest, FreeOfAPrivateAllocationReturnsItsMemory) {
    Allocation a = ctx.create(8);
    a.free();
    EXPECT_EQ(ctx.stats().allocations, 0U);
}

TEST_F(LifeCycleTest, APublishedAllocationOutlivesItsPublishersLease) {
    publish_text(ctx, "a", "stays");
    EXPECT_EQ(ctx.stats().own_leases, 0U);
    EXPECT_EQ(text_of(other.get("a")), "stays");
}

TEST_F(LifeCycleTest, TheLastReleaseOfARetiredAllocationReturnsItsMemory) {
    publish_text(ctx, "a", "x");
    Allocation first = ctx.get("a");
    Allocation second = other.get("a");
    ctx.unpublish("a");
    EXPECT_EQ(ctx.stats().allocations, 1U);
    first.release();
    EXPECT_EQ(ctx.stats().allocations, 1U);
    second.release();
    EXPECT_EQ(other.stats().allocations, 0U);
}

TEST_F(LifeCycleTest, LeasesKeepContentsAfterFree) {
    publish_text(ctx, "a", "precious");
    const Allocation held = other.get("a");
    ctx.get("a").free();
    for (int i = 0; i < 20; ++i) {  // would land in the same memory if it had been given back
        publish_text(ctx, "filler/" + std::to_string(i), "overwritten");
    }
    EXPECT_EQ(text_of(held), "precious");
}

TEST_F(LifeCycleTest, FreeByOneHolderLeavesTheOthersTheirs) {
    publish_text(ctx, "a", "x");
    Allocation first = ctx.get("a");
    Allocation second = other.get("a");
    first.free();
    EXPECT_EQ(text_of(second), "x");
    second.free();  // there is no name left to remove; the lease goes
    EXPECT_EQ(ctx.stats().allocations, 0U);
}

TEST_F(LifeCycleTest, UnpublishRemovesEveryNameForEveryoneAndKeepsTheLease) {
    publish_text(ctx, "a", "precious");
    Allocation held = ctx.get("a");
    held.publish("b");
    held.unpublish();
    EXPECT_FALSE(other.find("a").has_value());
    EXPECT_FALSE(other.find("b").has_value());
    EXPECT_EQ(text_of(held), "precious");
    held.publish("c");
    EXPECT_EQ(text_of(other.get("c")), "precious");
    held.unpublish();
    held.release();
    EXPECT_EQ(ctx.stats().allocations, 0U);
}

TEST_F(LifeCycleTest, UnpublishOfWhatHasNoNameKeepsIt) {
    Allocation held = ctx.create(100);
    held.unpublish();
    EXPECT_EQ(ctx.stats().allocations, 1U);
    held.publish("a");
    held.free();
    EXPECT_EQ(ctx.stats().allocations, 0U);
}

TEST_F(LifeCycleTest, StreamsAreRefusedOnHostMemory) {
    publish_text(ctx, "a", "x");
    Allocation a = ctx.get("a");
    EXPECT_EQ(errc_of([&] { a.release(Stream(nullptr)); }), Errc::unsupported);
    EXPECT_EQ(errc_of([&] { a.free(Stream(nullptr)); }), Errc::unsupported);
    EXPECT_EQ(errc_of([&] { a.order(Stream(nullptr), Stream(nullptr)); }), Errc::unsupported);
    EXPECT_EQ(errc_of([&] { a.order({}, Stream(nullptr)); }), Errc::invalid_argument);
    EXPECT_EQ(text_of(a), "x");
    a.release(Stream{});
    EXPECT_FALSE(a);
}

TEST_F(LifeCycleTest, CheckOfCompleteContentsReturns) {
    publish_text(ctx, "a", "x");
    EXPECT_NO_THROW(other.get("a").check());
    EXPECT_NO_THROW(ctx.create(8).check());
}

TEST_F(LifeCycleTest, StatsReturnToZero) {
    {
        publish_text(ctx, "a", "x");
        Allocation a = ctx.get("a");
        Allocation b = other.get("a");
        const Allocation c = ctx.create(100);
        const ContextStats busy = ctx.stats();
        EXPECT_EQ(busy.allocations, 2U);
        EXPECT_EQ(busy.leases, 2U);
        EXPECT_EQ(busy.own_leases, 1U);
        EXPECT_EQ(busy.members, 2U);
        EXPECT_GT(busy.bytes_in_use, 0U);
        a.free();
    }
    static_cast<void>(other.stats());  // comes after what b's end told the service
    const ContextStats idle = ctx.stats();
    EXPECT_EQ(idle.allocations, 0U);
    EXPECT_EQ(idle.publications, 0U);
    EXPECT_EQ(idle.leases, 0U);
    EXPECT_EQ(idle.bytes_in_use, 0U);
    EXPECT_EQ(idle.bytes_quarantined, 0U);
}

}  // namespace
}  // namespace fastio::test
