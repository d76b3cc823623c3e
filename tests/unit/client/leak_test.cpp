#include <future>
#include <optional>

#include "client_fixture.hpp"
#include "support/leak_check.hpp"

namespace fastio::test {
namespace {

void use_everything(Context& ctx, Context& other) {
    publish_text(ctx, "a", "x");
    Allocation a = other.get("a");
    Allocation b = ctx.create(float32, {100, 100}, {.zero = true});
    b.publish("b", {.attributes = {{"k", std::string(3000, 'v')}}});
    const std::vector<std::string> names{"a", "b", "c"};
    EXPECT_EQ(other.find_many(names).size(), 3U);
    EXPECT_EQ(other.list().size(), 2U);
    Watch watch = other.watch();
    ctx.unpublish("b");
    EXPECT_TRUE(watch.next(forever));
    EXPECT_FALSE(other.find("nobody", {.timeout = 1ms}));
    a.free();
}

// The service is in this process: returns when it has closed its side of what ended before, and given back its slabs.
void settle(Service& inspector) {
    while (inspector.totals().bytes_reserved != 0) {
        std::this_thread::yield();
    }
    // What was ready before the first request is handled in its round at the latest, and the second is in a later one.
    static_cast<void>(inspector.totals());
    static_cast<void>(inspector.totals());
}

TEST(LeakTest, NothingIsLeftOfAContext) {
    const RunningService service;
    Service inspector(service.socket());
    const auto use = [&] {
        Context ctx({.job = "job", .socket = service.socket(), .connect_timeout = forever});
        Context other({.job = "job", .socket = service.socket(), .connect_timeout = forever});
        use_everything(ctx, other);
    };
    use();  // the service starts a thread when a device is first used
    settle(inspector);
    const LeakCheck leaks;
    use();
    settle(inspector);
    EXPECT_EQ(leaks.difference(), "");
}

TEST(LeakTest, NothingIsLeftOfAnEmbeddedService) {
    const LeakCheck leaks;
    {
        Context ctx({.job = "job", .embedded = true});
        Context other({.job = "job", .socket = ctx.socket()});
        use_everything(ctx, other);
    }
    EXPECT_EQ(leaks.difference(), "");
}

TEST(LeakTest, NothingIsLeftWhenTheServiceDiedFirst) {
    const LeakCheck leaks;
    {
        RunningService service;
        Context ctx({.job = "job", .socket = service.socket(), .connect_timeout = forever});
        Context other({.job = "job", .socket = service.socket(), .connect_timeout = forever});
        use_everything(ctx, other);
        publish_text(ctx, "b", "x", true);
        const Allocation lease = other.get("b");
        const Allocation held = ctx.create(8);
        service.stop();
    }
    EXPECT_EQ(leaks.difference(), "");
}

TEST(LeakTest, NothingIsLeftOfRefusedConnections) {
    const RunningService service({.max_clients = 2});
    Service inspector(service.socket());
    const Context first({.job = "job", .socket = service.socket(), .connect_timeout = forever});
    const LeakCheck leaks;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(errc_of([&] { Context({.job = "job", .socket = service.socket(), .connect_timeout = forever}); }),
                  Errc::quota_exceeded);
        EXPECT_EQ(
            errc_of([&] { Context({.job = "job", .socket = service.socket() + ".missing", .connect_timeout = 0s}); }),
            Errc::service_unreachable);
    }
    settle(inspector);
    EXPECT_EQ(leaks.difference(), "");
}

TEST(LeakTest, NothingIsLeftOfAnInspector) {
    const RunningService service;
    Service stays(service.socket());
    settle(stays);  // the service has closed its copies of what it sent
    const LeakCheck leaks;
    {
        Service inspector(service.socket());
        const Watch watch = inspector.watch();
        EXPECT_EQ(inspector.totals().sessions, 0U);
    }
    settle(stays);
    EXPECT_EQ(leaks.difference(), "");
}

TEST(LeakTest, ContextsComeAndGoWithoutATrace) {
    const RunningService service;
    Context stays({.job = "job", .socket = service.socket(), .connect_timeout = forever});
    publish_text(stays, "a", "x");
    const LeakCheck leaks;
    for (int i = 0; i < 50; ++i) {
        Context ctx({.job = "job", .socket = service.socket(), .connect_timeout = forever});
        const Allocation a = ctx.get("a");
        const Allocation b = ctx.create(100);
    }
    EXPECT_EQ(stays.stats().members, 1U);
    EXPECT_EQ(stays.stats().allocations, 1U);
    static_cast<void>(stays.stats());  // one round later all is closed, see settle()
    EXPECT_EQ(leaks.difference(), "");
}

}  // namespace
}  // namespace fastio::test
