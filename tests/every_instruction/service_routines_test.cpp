#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

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

// Growth. While the routine runs, nobody has the new segment: a client asks the service for it, which answers when the
// routine has ended or is dead. Until then a name is as before, as afterwards, or in what is not handed out.

TEST_F(ServiceRoutine, APublicationInANewSegmentIsSeenOrAsBefore) {
    const Walk publish = walk(
        "publish with a new segment of records",
        [](ContextWorld& world) {
            world.publish_new("volume");
            for (std::uint32_t i = 1; i < table::kPublicationsPerSegment; ++i) {
                world.publish("name/" + std::to_string(i), number(0));
            }
        },
        [](ContextWorld& world) { world.publish("volume", number(0), 384, {}, true); },
        {{"volume", "name/1"}, "name/1", true, true});
    EXPECT_EQ(publish.before("volume").copy->version, 1U);
    EXPECT_EQ(publish.after("volume").copy->version, table::kPublicationsPerSegment + 1U);
}

TEST_F(ServiceRoutine, AttributesInANewSegmentAreSeenWithTheirName) {
    const Walk publish = walk(
        "publish with a new segment of attributes",
        [](ContextWorld& world) {
            for (std::uint32_t i = 0; i < table::kAttributesPerSegment; ++i) {
                world.publish_new("name/" + std::to_string(i), 384, "a remark");
            }
        },
        [](ContextWorld& world) { world.publish("volume", number(0), 384, "in the second segment"); },
        {{"volume", "name/1"}, "name/1", true, true});
    EXPECT_FALSE(publish.before("volume").copy);
    EXPECT_FALSE(publish.after("volume").copy->attributes.empty());
}

TEST_F(ServiceRoutine, AnAllocationInANewSegmentIsSeenWithItsName) {
    const Walk publish = walk(
        "create with a new segment of allocations, and publish",
        [](ContextWorld& world) {
            for (std::uint32_t i = 0; i < table::kAllocationsPerSegment; ++i) {
                static_cast<void>(world.create());
            }
        },
        [](ContextWorld& world) { world.publish_new("volume"); }, {{"volume"}, {}, true, true});
    EXPECT_EQ(publish.after("volume").copy->allocation.slot, table::kAllocationsPerSegment);
}

TEST_F(ServiceRoutine, ASlabInANewSegmentIsListedWhenItIsComplete) {
    const auto add = [](ContextWorld& world) {
        SlabHandle handle;
        handle.kind = HandleKind::memfd;
        static_cast<void>(world.context.writer().add_slab(handle, 2 << 20, 0, 4711));
    };
    const Walk slabs = walk("slab added with a new segment",
                            [&](ContextWorld& world) {
                                world.publish_new("volume");
                                for (std::uint32_t i = 1; i < table::kSlabsPerSegment; ++i) {
                                    add(world);
                                }
                            },
                            add, {{"volume"}});
    EXPECT_EQ(slabs.after().slabs.size(), table::kSlabsPerSegment + 1U);
}

/// What makes the service rebuild its index, one change at a time.
class IndexWork {
public:
    struct Change {
        bool publish = true;
        std::string name;
    };

    /// Names, until there are more than half of the first array's words.
    [[nodiscard]] static IndexWork that_fills_it() {
        IndexWork work;
        for (std::uint32_t i = 0; i < kWords; ++i) {
            work.changes_.push_back({true, "name/" + std::to_string(i)});
        }
        work.shorten(1);
        return work;
    }
    /// Tombstones, until half of the first array is used and only a quarter for names, so that the next array is of the
    /// same size; and again, for which the first array serves. A name leaves a tombstone where the next word is in use,
    /// so most names have their homes close together.
    [[nodiscard]] static IndexWork that_leaves_tombstones() {
        IndexWork work;
        std::uint32_t near = 0;
        std::uint32_t removed = 0;
        std::uint32_t far = 0;
        for (int array = 0; array < 2; ++array) {
            while (near - removed + far < kWords / 2 - 8) {
                work.changes_.push_back({true, name_in(0, near++)});
            }
            for (const std::uint32_t last = removed + kWords / 4 + 60; removed < last; ++removed) {
                work.changes_.push_back({false, name_in(0, removed)});
            }
            // These have their homes where no word was used yet.
            for (const std::uint32_t last = far + 60; far < last; ++far) {
                work.changes_.push_back({true, name_in(3, far)});
            }
        }
        work.shorten(2);
        return work;
    }

    /// All changes but the last, which rebuilds.
    void prepare(ContextWorld& world) const {
        world.publish_new("volume");
        for (std::size_t i = 0; i + 1 < changes_.size(); ++i) {
            make(world, changes_[i]);
        }
    }
    void rebuild(ContextWorld& world) const { make(world, last()); }
    [[nodiscard]] const Change& last() const { return changes_.back(); }

private:
    static constexpr std::uint32_t kWords = table::kFirstIndexCapacity;

    static void make(ContextWorld& world, const Change& change) {
        if (change.publish) {
            world.publish(change.name, number(0));
        } else {
            world.context.unpublish(change.name);
        }
    }
    /// The `i`-th name whose home is in this quarter of the array.
    [[nodiscard]] static const std::string& name_in(std::uint32_t quarter, std::uint32_t i) {
        static std::map<std::uint32_t, std::vector<std::string>> by_quarter;
        static std::uint32_t next = 0;
        while (by_quarter[quarter].size() <= i) {
            const std::string name = "name/" + std::to_string(next++);
            const std::uint64_t home = table::hash_name(name.data(), name.size()) % kWords;
            by_quarter[static_cast<std::uint32_t>(4 * home / kWords)].push_back(name);
        }
        return by_quarter[quarter][i];
    }
    /// To the one that makes the `rebuilds`-th rebuild.
    void shorten(std::uint32_t rebuilds) {
        ContextWorld world;
        const Mapping header(world.context.writer().segment(table::SegmentKind::header, 0).fd,
                             sizeof(table::TableHeader), Mapping::Access::read_only);
        const auto epoch = [&] {
            const auto* const words = reinterpret_cast<const table::TableHeader*>(header.data());
            return table::IndexState::unpack(table::load_word(&words->index_state)).epoch;
        };
        const std::uint32_t last = epoch() + rebuilds;
        world.publish_new("volume");
        std::size_t made = 0;
        for (; epoch() != last && made < changes_.size(); ++made) {
            make(world, changes_[made]);
        }
        ASSERT_EQ(epoch(), last);
        changes_.resize(made);
    }

    std::vector<Change> changes_;
};

TEST_F(ServiceRoutine, AnIndexThatIsRebuiltLargerShowsEveryName) {
    const IndexWork work = IndexWork::that_fills_it();
    const std::string name = work.last().name;
    const Walk rebuild = walk(
        "publish with a larger index", [&](ContextWorld& world) { work.prepare(world); },
        [&](ContextWorld& world) { work.rebuild(world); }, {{name, "volume", "name/7"}, "vol", true, true});
    EXPECT_FALSE(rebuild.before(name).copy);
    EXPECT_TRUE(rebuild.after(name).copy);
    EXPECT_TRUE(same(rebuild.before("volume"), rebuild.after("volume")));
}

TEST_F(ServiceRoutine, AnIndexThatIsRebuiltInAnArrayThatReadersHaveShowsEveryName) {
    const IndexWork work = IndexWork::that_leaves_tombstones();
    const std::string name = work.last().name;
    const Walk rebuild = walk(
        "publish with an index of the same size, in the first array again",
        [&](ContextWorld& world) { work.prepare(world); }, [&](ContextWorld& world) { work.rebuild(world); },
        {{name, "volume"}, "vol", true, true});
    EXPECT_FALSE(rebuild.before(name).copy);
    EXPECT_TRUE(rebuild.after(name).copy);
    EXPECT_TRUE(same(rebuild.before("volume"), rebuild.after("volume")));
    EXPECT_GT(rebuild.images(), table::kFirstIndexCapacity / 4) << "an image for every word that the rebuild stored";
}

}  // namespace
}  // namespace fastio::test
