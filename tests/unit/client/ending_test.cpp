#include <future>

#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using EndingTest = ClientTest;

// Every call that needs the context, with a callable for each.
template <class Check>
void for_each_call(Context& ctx, Check&& check) {
    check("create", [&] { static_cast<void>(ctx.create(8)); });
    check("create array", [&] { static_cast<void>(ctx.create(float32, {2})); });
    check("get", [&] { static_cast<void>(ctx.get("a")); });
    check("get waiting", [&] { static_cast<void>(ctx.get("nobody", {.timeout = forever})); });
    check("find", [&] { static_cast<void>(ctx.find("a")); });
    const std::vector<std::string> names{"a"};
    check("find_many", [&] { static_cast<void>(ctx.find_many(names)); });
    check("publish_array", [&] { publish_text(ctx, "b", "x"); });
    check("unpublish", [&] { ctx.unpublish("a"); });
    check("list", [&] { static_cast<void>(ctx.list()); });
    check("watch", [&] { static_cast<void>(ctx.watch()); });
    check("stats", [&] { static_cast<void>(ctx.stats()); });
}

TEST_F(EndingTest, EveryCallOnAClosedContextSaysSo) {
    publish_text(ctx, "a", "x");
    ctx.close();
    EXPECT_FALSE(ctx.alive());
    for_each_call(ctx, [](const char* what, auto&& call) { EXPECT_EQ(errc_of(call), Errc::context_closed) << what; });
    EXPECT_TRUE(other.alive());
}

TEST_F(EndingTest, CloseEndsABlockedGet) {
    auto blocked = std::async(std::launch::async, [&] {
        return errc_of([&] { static_cast<void>(ctx.get("never", {.timeout = forever})); });
    });
    wait_until_sleeping(ctx);
    ctx.close();
    EXPECT_EQ(blocked.get(), Errc::context_closed);
}

TEST_F(EndingTest, AllocationsStayUsableAfterClose) {
    publish_text(ctx, "a", "x");
    Allocation held = ctx.get("a");
    Allocation mine = ctx.create(8);
    ctx.close();
    EXPECT_EQ(text_of(held), "x");
    EXPECT_NO_THROW(held.check());
    EXPECT_EQ(errc_of([&] { mine.publish("m"); }), Errc::context_closed);
    EXPECT_EQ(errc_of([&] { mine.free(); }), Errc::context_closed);
    other.unpublish("a");
    EXPECT_EQ(other.stats().allocations, 2U);
    held.release();
    mine.release();
    // Both were told over the connection that is still there; it is another one that asks, so wait for their turn.
    while (other.stats().allocations != 0) {
        std::this_thread::yield();
    }
    EXPECT_EQ(other.stats().members, 2U);
}

TEST_F(EndingTest, AnAllocationKeepsTheConnectionOfItsContext) {
    Allocation held;
    {
        Context gone = join();
        held = gone.create(8, {.zero = true});
        EXPECT_EQ(ctx.stats().members, 3U);
    }
    EXPECT_EQ(ctx.stats().members, 3U);
    EXPECT_EQ(*held.data<int>(), 0);
    held.release();
    EXPECT_EQ(ctx.stats().members, 2U);
    EXPECT_EQ(ctx.stats().allocations, 0U);
}

TEST_F(EndingTest, LeavingReturnsEverythingAtOnce) {
    {
        Context gone = join();
        const Allocation a = gone.create(8);
        publish_text(gone, "stays", "x");
    }
    EXPECT_EQ(ctx.stats().members, 2U);
    EXPECT_EQ(ctx.stats().allocations, 1U);
    EXPECT_EQ(text_of(ctx.get("stays")), "x");
}

TEST_F(EndingTest, EveryCallSaysThatTheServiceIsLost) {
    publish_text(ctx, "a", "x");
    service.stop();
    for_each_call(ctx, [](const char* what, auto&& call) { EXPECT_EQ(errc_of(call), Errc::service_lost) << what; });
    EXPECT_FALSE(ctx.alive());
}

TEST_F(EndingTest, TheServicesEndWakesABlockedGet) {
    auto blocked = std::async(std::launch::async, [&] {
        return errc_of([&] { static_cast<void>(ctx.get("never", {.timeout = forever})); });
    });
    wait_until_sleeping(ctx);
    service.stop();
    EXPECT_EQ(blocked.get(), Errc::service_lost);
    EXPECT_FALSE(ctx.alive());
}

TEST_F(EndingTest, MemoryStaysReadableAndWritableWithoutTheService) {
    publish_text(ctx, "a", "kept");
    Allocation held = other.get("a");
    Allocation mine = ctx.create(8);
    service.stop();
    EXPECT_EQ(text_of(held), "kept");
    held.data<char>()[0] = 'w';
    EXPECT_EQ(text_of(held), "wept");
    EXPECT_EQ(errc_of([&] { mine.publish("m"); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] { held.free(); }), Errc::service_lost);
    EXPECT_TRUE(held);
    EXPECT_NO_THROW(held.release());
    EXPECT_NO_THROW(mine.release());
}

TEST_F(EndingTest, ACloseAfterTheServicesEndChangesNothing) {
    service.stop();
    while (ctx.alive()) {
        std::this_thread::yield();
    }
    ctx.close();
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.create(8)); }), Errc::service_lost);
}

TEST_F(EndingTest, AnEndedJobClosesItsMembers) {
    publish_text(ctx, "a", "kept");
    Allocation held = other.get("a");
    auto blocked = std::async(std::launch::async, [&] {
        return errc_of([&] { static_cast<void>(ctx.get("never", {.timeout = forever})); });
    });
    wait_until_sleeping(ctx);
    Service(service.socket()).end("job");
    EXPECT_EQ(blocked.get(), Errc::context_closed);
    for_each_call(ctx, [](const char* what, auto&& call) { EXPECT_EQ(errc_of(call), Errc::context_closed) << what; });
    EXPECT_EQ(text_of(held), "kept");
    EXPECT_EQ(errc_of([&] { held.publish("again"); }), Errc::context_closed);
    held.release();
    Context fresh = join();
    EXPECT_EQ(fresh.stats().publications, 0U);
}

TEST_F(EndingTest, APersistentContextKeepsItsNames) {
    {
        Context keeper({.job = "kept", .socket = service.socket(), .persistent = true});
        publish_text(keeper, "a", "still here");
    }
    Context later = join("kept");
    EXPECT_EQ(text_of(later.get("a")), "still here");
}

TEST_F(EndingTest, ATransientContextEndsWithItsLastMember) {
    {
        Context only = join("short");
        publish_text(only, "a", "x");
    }
    Context later = join("short");
    EXPECT_FALSE(later.find("a").has_value());
}

}  // namespace
}  // namespace fastio::test
