#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "context_subject.hpp"
#include "walk.hpp"

namespace fastio::test {
namespace {

/// Allocations are numbered as they are created.
constexpr table::AllocationRef number(std::uint32_t slot) {
    return {slot, 1};
}

/// Every routine of the service that changes a table, as its control thread calls it.
class ServiceRoutine : public testing::Test {
protected:
    void SetUp() override {
        if (const std::string why = why_not_steppable(); !why.empty()) {
            GTEST_SKIP() << why;
        }
    }

    static Walk walk(std::string title, ContextSubject::Routine prepare, ContextSubject::Routine routine,
                     Walk::Options options) {
        Walk walk(std::move(title), ContextSubject::make(std::move(prepare), std::move(routine)), std::move(options));
        walk.check_everything();
        EXPECT_EQ(walk.violations(), std::vector<std::string>{});
        EXPECT_GT(walk.images(), 1U);
        return walk;
    }
};

TEST_F(ServiceRoutine, CreateShowsNothingUntilThePlaceIsComplete) {
    const Walk create = walk(
        "create", [](ContextWorld& world) { world.publish_new("volume", 384, "first"); },
        [](ContextWorld& world) { static_cast<void>(world.create(1000)); }, {{"volume"}});
    EXPECT_EQ(create.after().states[1], (StateWord{1, AllocationState::created, false}));
    EXPECT_EQ(create.after().allocations, 2U);
}

TEST_F(ServiceRoutine, PublishShowsAllOfANameOrNothing) {
    const Walk publish = walk(
        "publish",
        [](ContextWorld& world) {
            world.publish_new("other", 384, "so that there is a segment for attributes");
            static_cast<void>(world.create(384));
        },
        [](ContextWorld& world) { world.publish("volume", number(1), 384, "a remark of more than a word"); },
        {{"volume", "other"}, {}, true});
    EXPECT_FALSE(publish.before("volume").copy);
    ASSERT_TRUE(publish.after("volume").copy);
    const table::PublicationCopy& copy = *publish.after("volume").copy;
    EXPECT_EQ(copy.version, 2U);
    EXPECT_EQ(copy.allocation, number(1));
    EXPECT_EQ(copy.shape.extents[0], 3);
    EXPECT_EQ(copy.shape.extents[1], 128);
    EXPECT_FALSE(copy.attributes.empty());
}

TEST_F(ServiceRoutine, ReplaceShowsTheOldVersionOrTheNewAndNeverNone) {
    const Walk replace = walk(
        "replace",
        [](ContextWorld& world) {
            world.publish_new("volume", 384, "the first one");
            world.release(number(0));
            static_cast<void>(world.create(768));
        },
        [](ContextWorld& world) { world.publish("volume", number(1), 768, "another remark", true); },
        {{"volume"}, {}, true});
    ASSERT_TRUE(replace.before("volume").copy && replace.after("volume").copy);
    EXPECT_EQ(replace.before("volume").copy->version, 1U);
    EXPECT_EQ(replace.after("volume").copy->version, 2U);
    EXPECT_EQ(replace.after().states[0].state, AllocationState::retired);
}

TEST_F(ServiceRoutine, ReplaceInARecordThatWasUsedBeforeIsNoMixtureOfTheTwoUses) {
    const Walk replace = walk(
        "replace in used records",
        [](ContextWorld& world) {
            world.publish_new("volume", 384, "round 0");
            for (std::uint64_t round = 1; round < table::kPublicationsPerSegment; ++round) {
                world.publish("volume", number(0), 384, "round", true);
            }
            static_cast<void>(world.create(768));
        },
        [](ContextWorld& world) { world.publish("volume", number(1), 768, "in the first record again", true); },
        {{"volume"}, {}, true});
    EXPECT_EQ(replace.after("volume").copy->version, replace.before("volume").copy->version + 1);
}

TEST_F(ServiceRoutine, UnpublishTakesANameAtOnce) {
    const Walk unpublish = walk(
        "unpublish",
        [](ContextWorld& world) {
            world.publish_new("volume", 384, "remark");
            world.publish_new("other");
        },
        [](ContextWorld& world) { world.context.unpublish("volume"); }, {{"volume", "other"}});
    EXPECT_TRUE(unpublish.before("volume").copy);
    EXPECT_FALSE(unpublish.after("volume").copy);
    EXPECT_EQ(unpublish.after().states[0].state, AllocationState::retired);
}

TEST_F(ServiceRoutine, FreeTakesEachNameAtOnceAndKeepsLeasedMemory) {
    const Walk free = walk(
        "free of two names, and reclaim",
        [](ContextWorld& world) {
            world.publish_new("volume");
            world.publish("alias", number(0));
            world.publish_new("other");
        },
        [](ContextWorld& world) {
            world.free(number(0));
            world.context.collect();
        },
        {{"volume", "alias", "other"}});
    EXPECT_FALSE(free.after("volume").copy || free.after("alias").copy);
    EXPECT_TRUE(free.after("other").copy);
    EXPECT_EQ(free.after().states[0].state, AllocationState::vacant);
}

TEST_F(ServiceRoutine, ReclaimTakesWhatIsRetiredAndNothingElse) {
    const Walk reclaim = walk(
        "reclaim of two of three",
        [](ContextWorld& world) {
            for (const char* const name : {"volume", "leased", "gone"}) {
                world.publish_new(name);
                world.context.unpublish(name);
            }
            world.release(number(0));
            world.release(number(2));
            world.publish_new("other");
        },
        [](ContextWorld& world) { world.context.collect(); }, {{"other", "volume"}});
    EXPECT_EQ(reclaim.after().states[0].state, AllocationState::vacant);
    EXPECT_EQ(reclaim.after().states[1].state, AllocationState::retired);
    EXPECT_EQ(reclaim.after().states[2].state, AllocationState::vacant);
}

TEST_F(ServiceRoutine, MemoryThatIsUsedAgainNeverShowsUnderTheOldName) {
    const Walk reuse = walk(
        "free, reclaim, create in the same place, publish", [](ContextWorld& world) { world.publish_new("volume"); },
        [](ContextWorld& world) {
            world.free(number(0));
            world.context.collect();
            world.publish_new("next");
        },
        {{"volume", "next"}, {}, true});
    EXPECT_TRUE(reuse.after("next").copy);
}

TEST_F(ServiceRoutine, PublishingARetiredAllocationAgainMakesItLiveFirst) {
    const Walk publish = walk(
        "publish of what has no name any more",
        [](ContextWorld& world) {
            world.publish_new("volume");
            world.context.unpublish("volume");
        },
        [](ContextWorld& world) { world.publish("again", number(0)); }, {{"again", "volume"}, {}, true});
    EXPECT_EQ(publish.after().states[0].state, AllocationState::live);
}

TEST_F(ServiceRoutine, EndTakesEveryNameAndWakesEverybody) {
    const Walk end = walk(
        "end of the context",
        [](ContextWorld& world) {
            world.publish_new("volume", 384, "remark");
            world.publish_new("other");
        },
        [](ContextWorld& world) { world.context.end(); }, {{"volume", "other"}});
    EXPECT_EQ(end.after().context, table::ContextState::ended);
    EXPECT_FALSE(end.after("volume").copy || end.after("other").copy);
}

TEST_F(ServiceRoutine, TheEndOfASessionTakesItsHoldsAndLeavesItsPublications) {
    const Walk leave = walk(
        "end of a session",
        [](ContextWorld& world) {
            world.publish_new("volume");
            static_cast<void>(world.create(96));
        },
        [](ContextWorld& world) {
            world.context.remove_member(world.producer);
            world.context.collect();
        },
        {{"volume"}});
    EXPECT_TRUE(leave.after("volume").copy);
    EXPECT_EQ(leave.after().states[1].state, AllocationState::vacant);
}

TEST_F(ServiceRoutine, PoisonLeavesTheNameAndItsMetadata) {
    const Walk poison = walk(
        "poison", [](ContextWorld& world) { world.publish_new("volume"); },
        [](ContextWorld& world) { world.context.writer().poison(number(0)); }, {{"volume"}});
    EXPECT_TRUE(poison.after().states[0].poisoned);
    EXPECT_EQ(poison.after().states[0].state, AllocationState::live);
}

TEST_F(ServiceRoutine, ASlabIsListedWhenItIsCompleteAndUntilItIsRemoved) {
    const Walk slabs = walk(
        "slab added and another removed",
        [](ContextWorld& world) {
            world.publish_new("volume");
            SlabHandle handle;
            handle.kind = HandleKind::memfd;
            static_cast<void>(world.context.writer().add_slab(handle, 2 << 20, 0, 4711));
        },
        [](ContextWorld& world) {
            SlabHandle handle;
            handle.kind = HandleKind::memfd;
            static_cast<void>(world.context.writer().add_slab(handle, 4 << 20, 0, 4711));
            world.context.writer().remove_slab({1, 1});
        },
        {{"volume"}});
    EXPECT_EQ(slabs.after().slabs, (std::vector<table::SlabRef>{{0, 1}, {2, 1}}));
}

}  // namespace
}  // namespace fastio::test
