#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "context_subject.hpp"
#include "device/mapping.hpp"
#include "device/waiting.hpp"
#include "support/watchdog.hpp"
#include "unit/table/table_fixture.hpp"
#include "walk.hpp"

namespace fastio::test {
namespace {

constexpr table::AllocationRef kFirst{0, 1};
constexpr table::AllocationRef kSecond{1, 1};
constexpr std::uint64_t kValue = 7;

void publish_pending(ContextWorld& world) {
    const std::uint32_t word = world.grant_fences();
    static_cast<void>(world.create());
    world.publish("volume", kFirst, 384, {}, false, {word, kValue});
}

/// Publications that wait for a stream, and the routines that give such a one up (design P6, P7).
class FenceRoutine : public testing::Test {
protected:
    void SetUp() override {
        if (const std::string why = why_not_steppable(); !why.empty()) {
            GTEST_SKIP() << why;
        }
    }

    static void expect_whole(const std::string& title, ContextSubject::Routine prepare, ContextSubject::Routine routine,
                             table::FenceRef before, table::FenceRef after) {
        Walk walk(title, ContextSubject::make(std::move(prepare), std::move(routine)), {{"volume"}, {}, true});
        walk.check_everything();
        EXPECT_EQ(walk.violations(), std::vector<std::string>{});
        for (const auto& [view, fence] : {std::pair{walk.before("volume"), before}, {walk.after("volume"), after}}) {
            const table::FenceRef seen =
                view.copy ? table::FenceRef{view.copy->fence_word, view.copy->fence_value} : table::FenceRef{};
            EXPECT_EQ(seen, fence);
        }
    }

    /// {complete, poisoned} after each instruction of a routine that gives a pending publication up.
    using Seen = std::pair<bool, bool>;
    static std::set<Seen> step_through(const ContextSubject::Routine& routine) {
        const Watchdog watchdog("stepping through what gives a publication up");
        SteppedProcess process(ContextSubject::make(publish_pending, routine));
        ImageReader reader(process, {"volume"});
        const std::vector<SubjectFile> files = process.files();
        const auto file = std::ranges::find_if(files, [](const SubjectFile& which) { return which.is_fences; });
        const Mapping mapping(process.open(*file).get(), table::kFenceFileBytes, Mapping::Access::read_only);
        const auto* const words = reinterpret_cast<const std::atomic<std::uint64_t>*>(mapping.data());
        std::vector<std::string> violations;
        const table::PublicationCopy copy = reader.look(violations).names.at("volume").copy.value();
        EXPECT_EQ(copy.fence_value, kValue);
        std::set<Seen> seen;
        bool was_complete = false;
        do {
            const bool complete = reached(words[copy.fence_word], copy.fence_value);
            const bool poisoned = reader.reader().allocation_state(kFirst.slot).poisoned;
            seen.emplace(complete, poisoned);
            EXPECT_TRUE(complete || !was_complete) << "a word went back";
            was_complete = complete;
        } while (process.step());
        const bool complete = reached(words[copy.fence_word], copy.fence_value);
        seen.emplace(complete, reader.reader().allocation_state(kFirst.slot).poisoned);
        return seen;
    }
};

constexpr std::pair<bool, bool> kPending{false, false};
constexpr std::pair<bool, bool> kPoisoned{false, true};
constexpr std::pair<bool, bool> kGivenUp{true, true};
constexpr std::pair<bool, bool> kCompleteAndNotPoisoned{true, false};

TEST_F(FenceRoutine, PublishShowsTheFenceWithTheName) {
    expect_whole(
        "publish what a stream completes",
        [](ContextWorld& world) {
            static_cast<void>(world.grant_fences());
            world.publish_new("other");
            static_cast<void>(world.create());
        },
        [](ContextWorld& world) {
            world.publish("volume", kSecond, 384, {}, false, {3, kValue});
        },
        {}, {3, kValue});
}

TEST_F(FenceRoutine, ReplaceShowsTheOldVersionsFenceOrTheNewOnes) {
    expect_whole(
        "replace what a stream completes",
        [](ContextWorld& world) {
            publish_pending(world);
            static_cast<void>(world.create());
        },
        [](ContextWorld& world) {
            world.publish("volume", kSecond, 384, {}, true, {5, 1});
        },
        {0, kValue}, {5, 1});
}

TEST_F(FenceRoutine, ReplaceByWhatIsCompleteTakesTheFenceAway) {
    expect_whole(
        "replace what a stream completes by what is complete",
        [](ContextWorld& world) {
            publish_pending(world);
            static_cast<void>(world.create());
        },
        [](ContextWorld& world) { world.publish("volume", kSecond, 384, {}, true); }, {0, kValue}, {});
}

TEST_F(FenceRoutine, ADeadProducersPublicationIsPoisonedAndNotComplete) {
    EXPECT_EQ(
        step_through([](ContextWorld& world) { static_cast<void>(world.context.fences().poison(world.producer.id)); }),
        (std::set<Seen>{kPending, kPoisoned}));
}

TEST_F(FenceRoutine, AProducersEndPoisonsBeforeItCompletes) {
    EXPECT_EQ(step_through([](ContextWorld& world) { world.context.fences().finish(world.producer.id, false); }),
              (std::set<Seen>{kPending, kPoisoned, kGivenUp}));
}

TEST_F(FenceRoutine, TheFenceLimitPoisonsBeforeItCompletes) {
    EXPECT_EQ(step_through([](ContextWorld& world) {
                  static_cast<void>(world.context.fences().expire(service::Fences::Clock::time_point::max()));
              }),
              (std::set<Seen>{kPending, kPoisoned, kGivenUp}));
}

TEST_F(FenceRoutine, ACompletionBeforeThePoisonIsFound) {
    EXPECT_TRUE(step_through([](ContextWorld& world) {
                    const table::FenceWords words(duplicate(world.context.fences().file()));
                    words.word(0).store(kValue);
                    world.context.writer().poison(kFirst);
                }).contains(kCompleteAndNotPoisoned));
}

}  // namespace
}  // namespace fastio::test
