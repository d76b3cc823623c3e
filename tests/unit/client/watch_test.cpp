#include <future>

#include "client/watch_queue.hpp"
#include "client_fixture.hpp"
#include "support/pipe.hpp"

namespace fastio::test {
namespace {

using WatchTest = ClientTest;
using Kind = WatchEvent::Kind;

TEST_F(WatchTest, NamesAreSeenComingChangingAndGoing) {
    Watch watch = other.watch();
    publish_text(ctx, "a", "1");
    publish_text(ctx, "a", "2", true);
    ctx.unpublish("a");
    const auto published = watch.next(forever);
    EXPECT_EQ(published->kind, Kind::published);
    EXPECT_EQ(published->name, "a");
    EXPECT_EQ(published->job, "job");
    EXPECT_EQ(published->version, 1U);
    const auto replaced = watch.next(forever);
    EXPECT_EQ(replaced->kind, Kind::replaced);
    EXPECT_EQ(replaced->version, 2U);
    const auto unpublished = watch.next(forever);
    EXPECT_EQ(unpublished->kind, Kind::unpublished);
    EXPECT_EQ(unpublished->name, "a");
}

TEST_F(WatchTest, WithoutAnEventNextIsEmpty) {
    Watch watch = ctx.watch();
    EXPECT_FALSE(watch.next(0s).has_value());
    EXPECT_FALSE(watch.next(1ms).has_value());
    EXPECT_FALSE(watch.next(-1s).has_value());
}

TEST_F(WatchTest, APrefixSelects) {
    Watch watch = other.watch("volume/");
    publish_text(ctx, "other", "x");
    publish_text(ctx, "volume/a", "x");
    EXPECT_EQ(watch.next(forever)->name, "volume/a");
    EXPECT_FALSE(watch.next(0s).has_value());
}

TEST_F(WatchTest, APrefixLongerThanANameIsRefused) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.watch(std::string(256, 'p'))); }), Errc::invalid_argument);
}

TEST_F(WatchTest, TheDescriptorIsReadableWhileThereIsAnEvent) {
    Watch watch = other.watch();
    EXPECT_FALSE(is_readable(watch.fd()));
    publish_text(ctx, "a", "x");
    wait_until_readable(watch.fd());
    EXPECT_TRUE(watch.next(0s).has_value());
    EXPECT_FALSE(is_readable(watch.fd()));
    other.close();
    wait_until_readable(watch.fd());
    EXPECT_EQ(errc_of([&] { static_cast<void>(watch.next(forever)); }), Errc::context_closed);
    EXPECT_TRUE(is_readable(watch.fd()));
}

TEST_F(WatchTest, EachWatchGetsEachEvent) {
    Watch first = ctx.watch();
    Watch second = ctx.watch();
    Watch third = other.watch("a");
    publish_text(ctx, "a", "x");
    for (Watch* watch : {&first, &second, &third}) {
        EXPECT_EQ(watch->next(forever)->name, "a");
    }
}

TEST_F(WatchTest, CloseWakesABlockedNext) {
    Watch watch = ctx.watch();
    auto blocked =
        std::async(std::launch::async, [&] { return errc_of([&] { static_cast<void>(watch.next(forever)); }); });
    ctx.close();
    EXPECT_EQ(blocked.get(), Errc::context_closed);
}

TEST_F(WatchTest, TheServicesEndWakesABlockedNext) {
    Watch watch = ctx.watch();
    Watch all = Service(service.socket()).watch();
    auto blocked =
        std::async(std::launch::async, [&] { return errc_of([&] { static_cast<void>(watch.next(forever)); }); });
    service.stop();
    EXPECT_EQ(blocked.get(), Errc::service_lost);
}

TEST_F(WatchTest, AWatchMayOutliveItsContext) {
    Context gone = join();
    Watch watch = gone.watch();
    { const Context destroyed = std::move(gone); }
    EXPECT_EQ(errc_of([&] { static_cast<void>(watch.next(forever)); }), Errc::context_closed);
}

TEST_F(WatchTest, AMovedFromWatchIsClosed) {
    Watch first = ctx.watch();
    Watch second = std::move(first);
    EXPECT_EQ(first.fd(), -1);  // NOLINT(bugprone-use-after-move): that is the promise
    EXPECT_EQ(errc_of([&] { static_cast<void>(first.next(0s)); }), Errc::context_closed);
    publish_text(ctx, "a", "x");
    first = std::move(second);
    EXPECT_EQ(first.next(forever)->name, "a");
}

TEST(WatchQueueTest, ASlowReaderGetsLostAndTheNewest) {
    detail::WatchQueue queue(1, {});
    constexpr std::uint64_t kPushed = detail::WatchQueue::kMaxEvents + 10;
    for (std::uint64_t i = 1; i <= kPushed; ++i) {
        queue.push({.kind = Kind::published, .name = "n", .version = i});
    }
    EXPECT_EQ(queue.next(0s)->kind, Kind::lost);
    for (std::uint64_t i = 11; i <= kPushed; ++i) {
        EXPECT_EQ(queue.next(0s)->version, i);
    }
    EXPECT_FALSE(queue.next(0s).has_value());
}

TEST(WatchQueueTest, EventsBeforeTheEndAreGivenFirst) {
    detail::WatchQueue queue(1, {});
    queue.push({.kind = Kind::published, .name = "n"});
    queue.end(detail::Ending::ended);
    EXPECT_EQ(queue.next(forever)->name, "n");
    EXPECT_EQ(errc_of([&] { static_cast<void>(queue.next(forever)); }), Errc::context_closed);
}

TEST(WatchQueueTest, SeveralThreadsGetEachEventOnce) {
    detail::WatchQueue queue(1, {});
    const auto count = [&] {
        int events = 0;
        try {
            while (queue.next(forever)) {
                ++events;
            }
        } catch (const Error&) {
        }
        return events;
    };
    auto first = std::async(std::launch::async, count);
    auto second = std::async(std::launch::async, count);
    for (int i = 0; i < 500; ++i) {
        queue.push({.kind = Kind::published});
    }
    queue.end(detail::Ending::closed);
    EXPECT_EQ(first.get() + second.get(), 500);
}

}  // namespace
}  // namespace fastio::test
