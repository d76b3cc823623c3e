// Double and stale frees are errors, because {slot, generation} names one allocation for ever.
#include "running_service.hpp"
#include "service/context.hpp"
#include "support/errors.hpp"

namespace fastio::test {
namespace {

constexpr std::uint32_t kLastGeneration = 0xffff'ffff;

wire::Free free_of(table::AllocationRef ref) {
    wire::Free free{};
    free.slot = ref.slot;
    free.generation = ref.generation;
    return free;
}

class StaleFree : public ServiceTest {
protected:
    /// One more use of each slot of the first segment, so that the next create takes the slot that was taken first.
    void use_every_slot_once(RawClient& client) {
        for (std::uint32_t use = 1; use < table::kAllocationsPerSegment; ++use) {
            client.release_hold(client.create(1));
        }
    }
};

TEST_F(StaleFree, ASecondFreeIsRefusedAndChangesNothing) {
    const auto client = member();
    const auto kept = client->create(100);
    const auto gone = client->create(100);
    client->free(gone, wire::kNoLease);
    for (int again = 0; again < 2; ++again) {
        EXPECT_EQ(client->refused(free_of({gone.slot, gone.generation})), Errc::released);
        EXPECT_NE(client->why.find("generation"), std::string::npos) << client->why;
    }
    EXPECT_EQ(client->stats().allocations, 1U);
    EXPECT_EQ(client->publish(kept, "kept", 100), 1U);
}

TEST_F(StaleFree, OfAnEarlierUseOfASlotLeavesTheLaterOneAlone) {
    const auto client = member();
    const auto first = client->create(100);
    client->release_hold(first);
    use_every_slot_once(*client);
    const auto later = client->create(100);
    ASSERT_EQ(later.slot, first.slot);
    ASSERT_NE(later.generation, first.generation);
    EXPECT_EQ(client->refused(free_of({first.slot, first.generation})), Errc::released);
    EXPECT_EQ(client->refused(free_of({first.slot, later.generation + 1})), Errc::released);
    EXPECT_EQ(client->refused(free_of({first.slot, 0})), Errc::released);
    EXPECT_EQ(client->refused(client->publish_message(first, "stale", 100)), Errc::released);
    EXPECT_EQ(client->publish(later, "later", 100), 1U);
}

/// One context whose slots are near the end of their generations.
class LastGenerations : public testing::Test {
protected:
    LastGenerations() {
        service::Context::Settings settings;
        settings.id = 1;
        settings.job = "job";
        settings.identity.devices = {DeviceInfo{.name = "host"}};
        settings.limits.max_allocations = 16;
        settings.limits.max_publications = 16;
        context.emplace(std::move(settings), watchers, touched);
        context->writer().start_generations_at(kLastGeneration - 1);
        OwnedSlab slab = memory->reserve(kSlabGranularity);
        const table::SlabRef ref = context->writer().add_slab(slab.handle, slab.bytes, 0, 1);
        context->pools()[0].add(ref, std::move(slab));
        session.id = 1;
        session.context = &*context;
        session.leases = std::make_unique<table::LeaseBook>(512, 1);
    }
    ~LastGenerations() override {
        while (std::optional<service::SlabPool::Slab> slab = context->pools()[0].take_any()) {
            memory->release(std::move(slab->memory));
        }
    }
    table::AllocationRef create() {
        return context->create(session, account, 1, 256, 0, service::Collect::where_short).value();
    }
    void free(table::AllocationRef ref) {
        context->free(session, free_of(ref));
        context->collect();
    }

    std::shared_ptr<DeviceMemory> memory = make_host_memory();
    service::Poller poller;
    service::Watchers watchers{poller};
    std::vector<std::uint64_t> touched;
    service::Account account;
    service::Session session;
    std::optional<service::Context> context;
};

TEST_F(LastGenerations, NoFreeOfAnEarlierUseIsTakenForALaterOneAtTheEnd) {
    std::vector<table::AllocationRef> old;
    for (std::uint32_t use = 0; use < 3 * table::kAllocationsPerSegment; ++use) {
        const table::AllocationRef ref = create();
        ASSERT_GE(ref.generation, kLastGeneration - 1) << "a generation has wrapped";
        if (use % 97 == 0) {
            old.push_back(ref);
        }
        free(ref);
    }
    const table::AllocationRef kept = create();
    for (const table::AllocationRef ref : old) {
        EXPECT_EQ(errc_of([&] { context->free(session, free_of(ref)); }), Errc::released);
        // What the slot would have if it had wrapped.
        EXPECT_EQ(errc_of([&] { context->free(session, free_of({ref.slot, 0})); }), Errc::released);
        EXPECT_EQ(errc_of([&] { context->free(session, free_of({ref.slot, 1})); }), Errc::released);
    }
    EXPECT_EQ(context->allocations().count(), 1U);
    free(kept);
    EXPECT_EQ(context->allocations().count(), 0U);
    EXPECT_EQ(account.bytes, 0U);
}

}  // namespace
}  // namespace fastio::test
