#include <future>
#include <optional>
#include <stdexcept>

#include "client_fixture.hpp"
#include "unit/service/raw_client.hpp"

namespace fastio::test {
namespace {

/// A create that waits for room, in a thread of its own. The object ends with it.
class WaitingCreate {
public:
    WaitingCreate(Context& context, std::uint64_t bytes)
        : result_(std::async(std::launch::async,
                             [&context, bytes] { return context.create(bytes, {.timeout = forever}); })) {
        wait_until_sleeping(context);
    }
    Allocation get() { return result_.get(); }

private:
    std::future<Allocation> result_;
};

/// A pool of one slab, which one member has.
class RoomTest : public ::testing::Test {
protected:
    [[nodiscard]] Context join(const std::string& job = "job") {
        return Context({.job = job, .socket = service.socket(), .connect_timeout = forever});
    }

    RunningService service{{.pool_max = 2 * kMiB}};
    Context ctx = join();
    Context other = join();
    std::optional<Allocation> taken = ctx.create(2 * kMiB);
};

TEST_F(RoomTest, IsWaitedForUntilAnotherMemberReleases) {
    WaitingCreate waiting(other, 2 * kMiB);
    taken.reset();
    EXPECT_EQ(waiting.get().size(), 2 * kMiB);
}

// A member keeps the slab mapped from which the room is to come. Other threads ask the service meanwhile: here to see
// that the first one sleeps.
TEST(RoomOfASlab, IsWaitedForWithoutHoldingUpOtherThreads) {
    RunningService service({.pool_max = 8 * kMiB, .closing_patience = std::chrono::hours(1)});
    Context ctx({.job = "job", .socket = service.socket(), .connect_timeout = forever});
    const auto silent = RawClient::member(service.socket(), "job");
    ctx.create(kMiB).release();
    WaitingCreate waiting(ctx, 8 * kMiB);
    silent->bye();
    EXPECT_EQ(waiting.get().size(), 8 * kMiB);
}

TEST_F(RoomTest, IsWaitedForUntilTheLastNameGoes) {
    taken->publish("taken");
    taken->release();
    WaitingCreate waiting(other, kMiB);
    ctx.unpublish("taken");
    EXPECT_TRUE(waiting.get());
}

TEST_F(RoomTest, IsWaitedForUntilAnotherJobEnds) {
    Context elsewhere = join("elsewhere");
    WaitingCreate waiting(elsewhere, 2 * kMiB);
    taken.reset();
    EXPECT_TRUE(waiting.get());
}

TEST_F(RoomTest, IsWaitedForByThoseWhoPublishAnArray) {
    const std::vector<std::byte> zeros(2 * kMiB);
    const ArrayView array{.data = zeros.data(), .type = uint8, .dimensions = {2 * kMiB}};
    EXPECT_EQ(errc_of([&] { other.publish_array(array, "at once"); }), Errc::out_of_memory);
    auto waiting = std::async(
        std::launch::async, [&] { other.publish_array(array, "later", {}, {.alignment = 4096, .timeout = forever}); });
    wait_until_sleeping(other);
    taken.reset();
    waiting.get();
    EXPECT_EQ(ctx.get("later").size(), 2 * kMiB);
}

TEST_F(RoomTest, IsNotThereInTime) {
    const auto start = std::chrono::steady_clock::now();
    try {
        static_cast<void>(other.create(kMiB, {.timeout = 3ms}));
        FAIL() << "there was room";
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::out_of_memory);
        EXPECT_NE(std::string(error.what()).find("the pool is full"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("for 3 ms"), std::string::npos) << error.what();
    }
    EXPECT_GE(std::chrono::steady_clock::now() - start, 3ms);
}

TEST_F(RoomTest, IsNotWaitedForWithoutATimeout) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(other.create(kMiB)); }), Errc::out_of_memory);
    EXPECT_EQ(other.stats().waits, 0U);
}

TEST_F(RoomTest, IsNotWaitedForWhereThePoolIsTooSmall) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(other.create(3 * kMiB, {.timeout = forever})); }), Errc::out_of_memory);
    EXPECT_EQ(other.stats().waits, 0U);
}

TEST_F(RoomTest, IsAskedForByOneThreadWhileAnotherGivesItBack) {
    WaitingCreate waiting(ctx, kMiB);
    taken->publish("taken");  // the connection is free while it waits
    taken->free();
    EXPECT_TRUE(waiting.get());
}

TEST_F(RoomTest, IsWaitedForUntilTheContextIsClosed) {
    WaitingCreate waiting(other, kMiB);
    other.close();
    EXPECT_EQ(errc_of([&] { static_cast<void>(waiting.get()); }), Errc::context_closed);
}

TEST_F(RoomTest, IsWaitedForUntilTheJobEnds) {
    WaitingCreate waiting(other, kMiB);
    Service(service.socket()).end("job");
    EXPECT_EQ(errc_of([&] { static_cast<void>(waiting.get()); }), Errc::context_closed);
}

TEST_F(RoomTest, IsWaitedForUntilTheServiceDies) {
    WaitingCreate waiting(other, kMiB);
    service.stop();
    EXPECT_EQ(errc_of([&] { static_cast<void>(waiting.get()); }), Errc::service_lost);
}

TEST_F(RoomTest, IsWaitedForUntilTheHookThrows) {
    const CreateOptions options{.timeout = forever, .on_wake = [] { throw std::runtime_error("enough"); }};
    EXPECT_THROW(static_cast<void>(other.create(kMiB, options)), std::runtime_error);
    EXPECT_EQ(ctx.stats().allocations, 1U);
}

TEST(QuotaTest, IsWaitedForUntilItHasRoom) {
    RunningService service({.quota = 2 * kMiB});
    Context ctx({.job = "job", .socket = service.socket(), .connect_timeout = forever});
    Context other({.job = "job", .socket = service.socket(), .connect_timeout = forever});
    std::optional<Allocation> taken = ctx.create(2 * kMiB);
    WaitingCreate waiting(other, kMiB);
    taken.reset();
    EXPECT_TRUE(waiting.get());
    EXPECT_EQ(errc_of([&] { static_cast<void>(other.create(3 * kMiB, {.timeout = forever})); }), Errc::quota_exceeded);
}

TEST(TableRoomTest, IsWaitedForUntilAnAllocationGoes) {
    RunningService service({.max_allocations = 1});
    Context ctx({.job = "job", .socket = service.socket(), .connect_timeout = forever});
    Context other({.job = "job", .socket = service.socket(), .connect_timeout = forever});
    std::optional<Allocation> taken = ctx.create(1);
    WaitingCreate waiting(other, 1);
    taken.reset();
    EXPECT_TRUE(waiting.get());
}

}  // namespace
}  // namespace fastio::test
