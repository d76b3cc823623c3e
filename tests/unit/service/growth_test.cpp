#include <future>

#include "helper.hpp"
#include "running_service.hpp"

namespace fastio::test {
namespace {

class GrowthTest : public ServiceTest {
protected:
    static wire::Create create_of(std::uint64_t size) {
        wire::Create create{};
        create.size = size;
        return create;
    }
    static void free_hold(RawClient& client, const wire::CreateReply& allocation) {
        client.free(allocation, wire::kNoLease);
    }
};

TEST_F(GrowthTest, SlabsDoubleAndLargeRequestsGetTheirOwn) {
    const auto client = member();
    client->create(2 * kMiB);
    EXPECT_EQ(client->stats().bytes_reserved, 2 * kMiB);
    client->create(1 * kMiB);
    EXPECT_EQ(client->stats().bytes_reserved, 6 * kMiB);
    client->create(4 * kMiB);
    EXPECT_EQ(client->stats().bytes_reserved, 14 * kMiB);
    client->create(100 * kMiB + 1);
    EXPECT_EQ(client->stats().bytes_reserved, 116 * kMiB);
}

TEST_F(GrowthTest, ASlowReserveDelaysNeitherOthersNorWhatFits) {
    const auto slow = member("a");
    const auto same_context = member("a");
    const auto other = member("b");
    slow->create(1);
    other->create(1);
    faults().block(DeviceCall::reserve);
    slow->send(create_of(50 * kMiB));
    faults().wait_until_blocked(DeviceCall::reserve);

    EXPECT_EQ(same_context->create(1000).capacity, 1024U);
    EXPECT_EQ(other->create(1000).capacity, 1024U);
    const auto third = member("c");  // a join needs no device
    EXPECT_EQ(third->stats().allocations, 0U);

    faults().unblock(DeviceCall::reserve);
    EXPECT_EQ(slow->receive<wire::CreateReply>().capacity, 50 * kMiB);
}

TEST_F(GrowthTest, CreatesThatWaitAreAnsweredInOrder) {
    const auto first = member();
    const auto second = member();
    faults().block(DeviceCall::reserve);
    first->send(create_of(1 * kMiB));
    faults().wait_until_blocked(DeviceCall::reserve);
    second->send(create_of(2 * kMiB));
    // Served: the second waits in the queue too, since there is no slab at all.
    EXPECT_EQ(visitor()->totals().allocations, 0U);
    faults().unblock(DeviceCall::reserve);
    EXPECT_EQ(first->receive<wire::CreateReply>().offset, 0U);
    EXPECT_EQ(second->receive<wire::CreateReply>().capacity, 2 * kMiB);
}

TEST_F(GrowthTest, WhatTheDeviceReportsReachesTheClient) {
    const auto client = member();
    faults().fail(DeviceCall::reserve, 1, Errc::device_error, "the driver says 719");
    EXPECT_EQ(client->refused(create_of(10)), Errc::device_error);
    EXPECT_NE(client->why.find("719"), std::string::npos);
    EXPECT_EQ(client->stats().bytes_reserved, 0U);
    EXPECT_EQ(client->create(10).capacity, 256U);
}

TEST_F(GrowthTest, TakesASmallerSlabWhereTheDeviceHasNoRoomForAStep) {
    const auto client = member();
    client->create(2 * kMiB);
    faults().fail(DeviceCall::reserve, 1, Errc::out_of_memory, "no room for 4 MiB");
    EXPECT_EQ(client->create(2 * kMiB).capacity, 2 * kMiB);
    EXPECT_EQ(client->stats().bytes_reserved, 4 * kMiB);
}

TEST_F(GrowthTest, AClientThatDiesWhileItsCreateWaitsLeavesNothing) {
    Helper helper;
    helper.tell("join " + (ensure(), socket()) + " a");
    const auto other = member("b");
    faults().block(DeviceCall::reserve);
    helper.tell_last("create 1000");
    faults().wait_until_blocked(DeviceCall::reserve);
    helper.process.kill();
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.sessions == 1; });
    faults().unblock(DeviceCall::reserve);
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.bytes_reserved == 0 && sums.contexts == 1; });
    EXPECT_EQ(totals().allocations, 0U);
}

TEST_F(GrowthTest, StoppingWhileADeviceIsSlowGivesEverythingBack) {
    const auto client = member();
    client->create(1);
    faults().block(DeviceCall::reserve);
    client->send(create_of(10 * kMiB));
    faults().wait_until_blocked(DeviceCall::reserve);
    std::thread unblocks([this] { faults().unblock(DeviceCall::reserve); });
    running.reset();
    unblocks.join();
    EXPECT_EQ(faults().calls(DeviceCall::release), faults().calls(DeviceCall::reserve));
}

TEST_F(GrowthTest, OneEmptySlabIsKept) {
    const auto client = member();
    for (int i = 0; i < 10; ++i) {
        free_hold(*client, client->create(1 * kMiB));
    }
    EXPECT_EQ(client->stats().bytes_reserved, 2 * kMiB);
    EXPECT_EQ(faults().calls(DeviceCall::reserve), 1U);
}

TEST_F(GrowthTest, EmptySlabsThatAreUsedInTurnsAreKept) {
    options.trim_after = std::chrono::hours(1);
    const auto client = member();
    for (int i = 0; i < 10; ++i) {  // as frames of a slab's size, of which one or three are held at a time
        const auto first = client->create(20 * kMiB);
        const auto second = client->create(20 * kMiB);
        const auto third = client->create(20 * kMiB);
        free_hold(*client, first);
        free_hold(*client, second);
        free_hold(*client, third);
    }
    EXPECT_EQ(faults().calls(DeviceCall::reserve), 3U);
    EXPECT_EQ(faults().calls(DeviceCall::release), 0U);
}

TEST_F(GrowthTest, AnEmptySlabThatIsNotNeededGoesBack) {
    options.trim_after = std::chrono::milliseconds(1);
    const auto client = member();
    const auto large = client->create(20 * kMiB);
    const auto small = client->create(4 * kMiB);
    free_hold(*client, large);
    free_hold(*client, small);
    const auto closing = client->event<wire::SlabClosing>();
    EXPECT_EQ(closing.index, small.slab);
    client->acknowledge(closing);
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.bytes_reserved == 20 * kMiB; });
}

TEST_F(GrowthTest, EmptySlabsGoBackWhereTheDeviceHasNoMemoryForAnother) {
    options.trim_after = std::chrono::hours(1);
    options.closing_patience = std::chrono::hours(1);
    const auto rich = member("rich");
    const auto poor = member("poor");
    free_hold(*rich, rich->create(20 * kMiB));
    faults().fail(DeviceCall::reserve, 1, Errc::out_of_memory, "others use the device");
    poor->send(create_of(2 * kMiB));
    rich->acknowledge(rich->event<wire::SlabClosing>());
    EXPECT_EQ(poor->receive<wire::CreateReply>().capacity, 2 * kMiB);
    EXPECT_EQ(rich->stats().bytes_reserved, 0U);
}

TEST_F(GrowthTest, AnEmptySlabGoesBackWhenEveryMemberHasUnmappedIt) {
    const auto a = member();
    const auto b = member();
    const auto small = a->create(2 * kMiB);
    const auto large = a->create(20 * kMiB);
    free_hold(*a, large);
    free_hold(*a, small);
    const auto closing_a = a->event<wire::SlabClosing>();
    const auto closing_b = b->event<wire::SlabClosing>();
    EXPECT_EQ(closing_a.index, small.slab);
    EXPECT_EQ(closing_b.generation, small.slab_generation);
    EXPECT_EQ(a->stats().bytes_reserved, 22 * kMiB) << "until both have acknowledged";
    wire::Slab ask{};
    ask.index = small.slab;
    ask.generation = small.slab_generation;
    EXPECT_EQ(a->refused(ask), Errc::not_found) << "nobody may open it any more";

    a->acknowledge(closing_a);
    EXPECT_EQ(a->stats().bytes_reserved, 22 * kMiB);
    b->acknowledge(closing_b);
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.bytes_reserved == 20 * kMiB; });
    EXPECT_EQ(faults().calls(DeviceCall::release), 1U);
}

/// Empty slabs go at once, or, as by default, when they were not needed for a while.
class TrimmedTest : public GrowthTest, public ::testing::WithParamInterface<int> {
protected:
    TrimmedTest() { options.trim_after = std::chrono::milliseconds(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(AtOnceAndLater, TrimmedTest, ::testing::Values(0, 1));

TEST_P(TrimmedTest, ByeAcknowledgesToo) {
    const auto a = member();
    const auto b = member();
    const auto small = a->create(2 * kMiB);
    free_hold(*a, a->create(20 * kMiB));
    free_hold(*a, small);
    a->acknowledge(a->event<wire::SlabClosing>());
    b->bye();
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.bytes_reserved == 20 * kMiB; });
    EXPECT_EQ(a->stats().members, 1U);
}

TEST_P(TrimmedTest, AQuarantinedMemberKeepsTheSlabReserved) {
    const auto a = member();
    Helper helper;
    helper.tell("join " + socket() + " job");
    helper.tell("hang_up");
    wait_for_totals([&](const wire::TotalsReply&) {
        wire::ListSessions list{};
        list.cursor = a->session + 1;
        return visitor()->ask<wire::SessionRow>(list).quarantined == 1;
    });
    const auto small = a->create(2 * kMiB);
    free_hold(*a, a->create(20 * kMiB));
    free_hold(*a, small);
    a->acknowledge(a->event<wire::SlabClosing>());
    EXPECT_EQ(a->stats().bytes_reserved, 22 * kMiB);
    helper.process.kill();
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.bytes_reserved == 20 * kMiB; });
    EXPECT_EQ(a->stats().members, 1U);
}

TEST_F(GrowthTest, ACreateWaitsForSlabsThatAreBeingUnmapped) {
    options.pool_max = 8 * kMiB;
    options.closing_patience = std::chrono::hours(1);
    const auto client = member();
    free_hold(*client, client->create(2 * kMiB));
    client->send(create_of(8 * kMiB));
    const auto closing = client->event<wire::SlabClosing>();
    client->acknowledge(closing);
    EXPECT_EQ(client->receive<wire::CreateReply>().capacity, 8 * kMiB);
}

TEST_F(GrowthTest, ACreateTakesTheEmptySlabOfAnotherContext) {
    options.pool_max = 8 * kMiB;
    options.closing_patience = std::chrono::hours(1);
    const auto rich = member("rich");
    const auto poor = member("poor");
    free_hold(*rich, rich->create(6 * kMiB));
    poor->send(create_of(4 * kMiB));
    rich->acknowledge(rich->event<wire::SlabClosing>());
    EXPECT_EQ(poor->receive<wire::CreateReply>().capacity, 4 * kMiB);
    EXPECT_EQ(rich->stats().bytes_reserved, 0U);
}

// One member never unmaps what it was told to; what others can give is taken all the same.
TEST_F(GrowthTest, ACreateTakesTheEmptySlabOfAnotherContextBesideOneThatNeverComes) {
    options.pool_max = 12 * kMiB;
    options.closing_patience = std::chrono::milliseconds(1);
    options.trim_after = std::chrono::hours(1);
    const auto stuck = member("stuck");
    const auto rich = member("rich");
    const auto poor = member("poor");
    free_hold(*stuck, stuck->create(4 * kMiB));
    EXPECT_EQ(poor->refused(create_of(12 * kMiB)), Errc::out_of_memory);
    free_hold(*rich, rich->create(4 * kMiB));
    poor->send(create_of(8 * kMiB));
    rich->acknowledge(rich->event<wire::SlabClosing>());
    ASSERT_EQ(poor->request_socket.receive(poor->packet), wire::ReceiveResult::received);
    if (!poor->packet.as<wire::CreateReply>()) {  // it was too late by then
        wait_for_totals([](const wire::TotalsReply& sums) { return sums.bytes_reserved == 4 * kMiB; });
        EXPECT_EQ(poor->create(8 * kMiB).capacity, 8 * kMiB);
    }
}

TEST_F(GrowthTest, AnEmptyArrayTakesTheEmptySlabOfAnotherContext) {
    options.pool_max = 2 * kMiB;
    options.closing_patience = std::chrono::hours(1);
    const auto rich = member("rich");
    const auto poor = member("poor");
    free_hold(*rich, rich->create(1));
    poor->send(create_of(0));
    rich->acknowledge(rich->event<wire::SlabClosing>());
    EXPECT_EQ(poor->receive<wire::CreateReply>().capacity, 256U);
}

TEST_F(GrowthTest, ACreateThatWaitsForAnUnmapInVainFails) {
    options.pool_max = 8 * kMiB;
    options.closing_patience = std::chrono::milliseconds(1);
    const auto client = member();
    free_hold(*client, client->create(2 * kMiB));
    EXPECT_EQ(client->refused(create_of(8 * kMiB)), Errc::out_of_memory);
    const auto late = client->event<wire::SlabClosing>();
    client->acknowledge(late);
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.bytes_reserved == 0; });
    EXPECT_EQ(client->create(8 * kMiB).capacity, 8 * kMiB);
}

TEST_F(GrowthTest, AnAcknowledgementOfNothingChangesNothing) {
    const auto client = member();
    client->create(1);
    wire::SlabClosing made_up{};
    made_up.index = 12345;
    client->acknowledge(made_up);
    client->acknowledge({});
    EXPECT_EQ(client->create(1).capacity, 256U);
    EXPECT_EQ(client->stats().bytes_reserved, 2 * kMiB);
}

TEST_F(GrowthTest, RetiredAllocationsAreCollectedBeforeARefusal) {
    options.pool_max = 2 * kMiB;
    const auto client = member();
    const auto all = client->create(2 * kMiB);
    client->publish(all, "all", 2 * kMiB);
    wire::Unpublish unpublish{};
    unpublish.name = text("all");
    client->ask<wire::Ok>(unpublish);
    EXPECT_EQ(client->refused(create_of(1)), Errc::out_of_memory) << "its lease keeps it";
    client->leases->drop(client->last_lease);  // and no nudge: as a GPU would clear it
    EXPECT_EQ(client->create(1).capacity, 256U);
}

}  // namespace
}  // namespace fastio::test
