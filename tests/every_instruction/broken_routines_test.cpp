#include <gtest/gtest.h>

#include <string>

#include "context_subject.hpp"
#include "unit/table/table_fixture.hpp"
#include "walk.hpp"

namespace fastio::test {
namespace {

constexpr table::AllocationRef kFirst{0, 1};
constexpr table::AllocationRef kSecond{1, 1};

table::PublicationEntry entry(table::AllocationRef allocation) {
    table::PublicationEntry entry = WrittenTable::entry("volume", allocation, 384);
    entry.publisher = "load";
    return entry;
}

/// Routines that do the right things in a wrong order: the checks must find each.
class BrokenRoutine : public testing::Test {
protected:
    void SetUp() override {
        if (const std::string why = why_not_steppable(); !why.empty()) {
            GTEST_SKIP() << why;
        }
    }

    static std::string found(ContextSubject::Routine prepare, ContextSubject::Routine routine, bool leases = false) {
        Walk walk("a broken routine", ContextSubject::make(std::move(prepare), std::move(routine)),
                  {{"volume"}, {}, true});
        walk.step_through();
        if (leases) {
            EXPECT_EQ(walk.violations(), std::vector<std::string>{});
            walk.keep_leases(Walk::Taken::at_the_last_instruction);
        }
        std::string all;
        for (const std::string& violation : walk.violations()) {
            all += violation + "\n";
        }
        return all;
    }
};

TEST_F(BrokenRoutine, ReplacingByRemovingFirstIsFound) {
    EXPECT_NE(found(
                  [](ContextWorld& world) {
                      world.publish_new("volume");
                      static_cast<void>(world.create());
                  },
                  [](ContextWorld& world) {
                      table::TableWriter& writer = world.context.writer();
                      writer.apply(kSecond, AllocationEvent::publish);
                      static_cast<void>(writer.unpublish("volume"));
                      static_cast<void>(writer.publish(entry(kSecond), false));
                  })
                  .find("is neither as before"),
              std::string::npos);
}

TEST_F(BrokenRoutine, PublishingBeforeTheAllocationIsLiveIsFound) {
    EXPECT_NE(found([](ContextWorld& world) { static_cast<void>(world.create()); },
                    [](ContextWorld& world) {
                        static_cast<void>(world.context.writer().publish(entry(kFirst), false));
                        world.context.writer().apply(kFirst, AllocationEvent::publish);
                    })
                  .find("get of 'volume'"),
              std::string::npos);
}

TEST_F(BrokenRoutine, RetiringBeforeTheNameIsTakenAwayIsFound) {
    EXPECT_NE(found([](ContextWorld& world) { world.publish_new("volume"); },
                    [](ContextWorld& world) {
                        world.context.writer().apply(kFirst, AllocationEvent::last_name);
                        static_cast<void>(world.context.writer().unpublish("volume"));
                    })
                  .find("get of 'volume'"),
              std::string::npos);
}

TEST_F(BrokenRoutine, AScanBeforeTheAllocationIsRetiredIsFound) {
    EXPECT_NE(found([](ContextWorld& world) { world.publish_new("volume"); },
                    [](ContextWorld& world) {
                        bool leased = false;
                        world.consumer.leases->scan([&](table::AllocationRef allocation, std::uint32_t, bool) {
                            leased = leased || allocation == kFirst;
                        });
                        table::TableWriter& writer = world.context.writer();
                        static_cast<void>(writer.unpublish("volume"));
                        writer.apply(kFirst, AllocationEvent::last_name);
                        if (!leased) {
                            writer.apply(kFirst, AllocationEvent::reclaim);
                        }
                    },
                    true)
                  .find("did not keep its memory"),
              std::string::npos);
}

}  // namespace
}  // namespace fastio::test
