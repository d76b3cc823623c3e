#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "client/lifeline_holders.hpp"
#include "client_fixture.hpp"
#include "support/child_process.hpp"
#include "wire/socket.hpp"

namespace fastio::test {
namespace {

class ServiceTest : public ClientTest {
protected:
    Service inspector{service.socket()};
};

TEST_F(ServiceTest, ItSaysWhatItIs) {
    EXPECT_EQ(inspector.socket(), service.socket());
    EXPECT_EQ(inspector.pid(), ::getpid());
    EXPECT_FALSE(inspector.version().empty());
}

TEST_F(ServiceTest, TotalsCountMembersOnly) {
    publish_text(ctx, "a", "x");
    const Allocation lease = other.get("a");
    const ServiceTotals totals = inspector.totals();
    EXPECT_EQ(totals.sessions, 2U);
    EXPECT_EQ(totals.contexts, 1U);
    EXPECT_EQ(totals.allocations, 1U);
    EXPECT_EQ(totals.publications, 1U);
    EXPECT_EQ(totals.leases, 1U);
    EXPECT_GT(totals.requests, 0U);
    EXPECT_GT(totals.pool_max, 0U);
    EXPECT_EQ(totals.sessions_cut, 0U);
}

TEST_F(ServiceTest, ContextsAreListed) {
    Context second = join("second job");
    publish_text(second, "a", "x");
    auto contexts = inspector.contexts();
    ASSERT_EQ(contexts.size(), 2U);
    const auto found = std::ranges::find(contexts, "second job", &ContextInfo::job);
    ASSERT_NE(found, contexts.end());
    EXPECT_EQ(found->members, 1U);
    EXPECT_EQ(found->publications, 1U);
    EXPECT_EQ(found->uid, ::geteuid());
    EXPECT_FALSE(found->persistent);
}

TEST_F(ServiceTest, SessionsAreListed) {
    const Allocation held = ctx.create(1000);
    const auto sessions = inspector.sessions();
    ASSERT_EQ(sessions.size(), 2U);
    for (const SessionInfo& session : sessions) {
        EXPECT_EQ(session.job, "job");
        EXPECT_EQ(session.pid, ::getpid());
        EXPECT_EQ(session.uid, ::geteuid());
        EXPECT_EQ(session.state, "connected");
        EXPECT_TRUE(session.lifeline_holders.empty());
        EXPECT_FALSE(session.name.empty());
    }
    EXPECT_EQ(sessions[0].holds + sessions[1].holds, 1U);
    EXPECT_NE(sessions[0].id, sessions[1].id);
}

TEST_F(ServiceTest, AllocationsSayWhoHoldsThem) {
    Allocation a = ctx.create(100);
    a.publish("one");
    a.publish("two");
    const Allocation hidden = ctx.create(50);
    const Allocation lease = other.get("one");
    auto rows = inspector.allocations("job");
    ASSERT_EQ(rows.size(), 2U);
    std::ranges::sort(rows, {}, &AllocationInfo::size);
    EXPECT_EQ(rows[0].size, 50U);
    EXPECT_EQ(rows[0].state, "private");
    EXPECT_EQ(rows[0].holders.size(), 1U);
    EXPECT_EQ(rows[1].size, 100U);
    EXPECT_EQ(rows[1].state, "published");
    EXPECT_EQ(rows[1].device, "host");
    std::ranges::sort(rows[1].names);
    EXPECT_EQ(rows[1].names, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(rows[1].holders.size(), 2U);
    ctx.unpublish("one");
    ctx.unpublish("two");
    rows = inspector.allocations("job");
    EXPECT_EQ(std::ranges::count(rows, "retired", &AllocationInfo::state), 1);
}

TEST_F(ServiceTest, OfManyNamesTheFirstEightAreListedAndAllAreCounted) {
    Allocation a = ctx.create(100);
    for (int i = 0; i < 12; ++i) {
        a.publish(std::to_string(i));
    }
    const auto rows = inspector.allocations("job");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].names.size(), 8U);
    EXPECT_EQ(rows[0].name_count, 12U);
    EXPECT_EQ(rows[0].holders.size(), 1U);
    EXPECT_EQ(rows[0].holder_count, 1U);
}

TEST_F(ServiceTest, PublicationsAreListedByPrefix) {
    for (int i = 0; i < 30; ++i) {
        publish_text(ctx, (i % 2 == 0 ? "even/" : "odd/") + std::to_string(i), "x");
    }
    EXPECT_EQ(inspector.publications("job").size(), 30U);
    const auto even = inspector.publications("job", "even/");
    EXPECT_EQ(even.size(), 15U);
    EXPECT_TRUE(std::ranges::is_sorted(even, {}, &PublicationInfo::name));
    EXPECT_EQ(inspector.publications("job", "even/2").size(), 6U);
    EXPECT_TRUE(inspector.publications("job", "even/2/").empty());
    EXPECT_TRUE(inspector.publications("job", std::string(300, 'e')).empty());
    EXPECT_EQ(even[0].size, 1U);
    EXPECT_EQ(even[0].type, uint8);
    EXPECT_EQ(even[0].dimensions, std::vector<std::int64_t>{1});
}

TEST_F(ServiceTest, AnUnknownJobIsNotFound) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(inspector.allocations("nobody")); }), Errc::not_found);
    EXPECT_EQ(errc_of([&] { static_cast<void>(inspector.publications("nobody")); }), Errc::not_found);
    EXPECT_EQ(errc_of([&] { inspector.unpublish("nobody", "a"); }), Errc::not_found);
    EXPECT_EQ(errc_of([&] { inspector.end("nobody"); }), Errc::not_found);
    EXPECT_EQ(errc_of([&] { inspector.end(""); }), Errc::invalid_argument);
}

TEST_F(ServiceTest, ANameCanBeRemovedFromOutside) {
    publish_text(ctx, "a", "x");
    inspector.unpublish("job", "a");
    EXPECT_FALSE(ctx.find("a").has_value());
    EXPECT_EQ(errc_of([&] { inspector.unpublish("job", "a"); }), Errc::not_found);
}

TEST_F(ServiceTest, AWatchSeesEveryContext) {
    Watch watch = inspector.watch();
    Context fresh = join("fresh");
    publish_text(fresh, "a", "x");
    std::vector<WatchEvent::Kind> kinds;
    for (int i = 0; i < 3; ++i) {
        const auto event = watch.next(forever);
        EXPECT_EQ(event->job, "fresh");
        kinds.push_back(event->kind);
    }
    EXPECT_EQ(kinds, (std::vector{WatchEvent::Kind::context_created, WatchEvent::Kind::session_joined,
                                  WatchEvent::Kind::published}));
}

TEST_F(ServiceTest, EveryCallSaysThatTheServiceIsLost) {
    service.stop();
    EXPECT_EQ(errc_of([&] { static_cast<void>(inspector.totals()); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] { static_cast<void>(inspector.contexts()); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] { static_cast<void>(inspector.sessions()); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] { static_cast<void>(inspector.watch()); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] { inspector.end("job"); }), Errc::service_lost);
}

TEST_F(ServiceTest, AMovedFromServiceIsClosed) {
    Service moved = std::move(inspector);
    EXPECT_EQ(errc_of([&] { static_cast<void>(inspector.totals()); }), Errc::context_closed);
    EXPECT_EQ(inspector.socket(), "");
    EXPECT_EQ(inspector.pid(), 0);
    EXPECT_EQ(moved.totals().contexts, 1U);
}

TEST(ServiceConnectTest, AMissingSocketIsUnreachable) {
    const TempDir folder;
    EXPECT_EQ(errc_of([&] { Service(folder.file("nothing.sock"), 0s); }), Errc::service_unreachable);
}

TEST(LifelineHoldersTest, ProcessesWithTheClientsEndAreFound) {
    auto [of_service, of_client] = wire::Socket::pair();
    struct stat status {};
    ASSERT_EQ(::fstat(of_client.fd(), &status), 0);
    ChildProcess child = ChildProcess::start("sleep", {"1000"}, {.descriptors = {of_client.fd()}});
    of_client.reset();
    const auto holders = detail::lifeline_holders({status.st_ino});
    ASSERT_EQ(holders.count(status.st_ino), 1U);
    EXPECT_EQ(holders.at(status.st_ino), std::vector<std::int64_t>{child.pid()}) << "not this one: it only reads";
}

TEST(LifelineHoldersTest, WithoutLifelinesNothingIsLookedFor) {
    EXPECT_TRUE(detail::lifeline_holders({}).empty());
}

}  // namespace
}  // namespace fastio::test
