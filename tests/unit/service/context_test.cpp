// A context without a service around it: what depends on the order of things that a running one does not let be chosen.
#include "service/context.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "unit/service/context_settings.hpp"
#include "unit/table/table_fixture.hpp"

namespace fastio::test {
namespace {

using namespace std::chrono_literals;
using service::Session;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kSlabBytes = 2 << 20;

class ContextTest : public ::testing::Test {
protected:
    ContextTest() {
        OwnedSlab slab;
        slab.bytes = kSlabBytes;
        slab.handle.kind = HandleKind::memfd;
        const table::SlabRef ref = context.writer().add_slab(slab.handle, slab.bytes, 0, 4711);
        context.pools()[0].add(ref, std::move(slab));
    }
    /// A member, and its side of its lease pages.
    struct Member {
        Session session{};
        std::unique_ptr<table::LeasePages> pages{};
    };
    Member& member() {
        Member& made = members.emplace_back();
        made.session.id = members.size();
        made.session.stage = Session::Stage::member;
        made.session.context = &context;
        made.session.leases = std::make_unique<table::LeaseBook>(table::kLeasesPerChunk, 1);
        made.pages = std::make_unique<table::LeasePages>(duplicate(made.session.leases->file()), 1);
        context.members()[made.session.id] = &made.session;
        return made;
    }
    void free(Member& by, table::AllocationRef allocation, std::uint32_t entry) {
        wire::Free message;
        message.slot = allocation.slot;
        message.generation = allocation.generation;
        message.lease = entry;
        context.free(by.session, message);
    }
    table::AllocationRef publish(Member& by, std::string_view name, std::uint32_t& entry, table::FenceRef fence = {},
                                 std::chrono::nanoseconds time_to_live = {}) {
        const table::AllocationRef made =
            context.create(by.session, account, 256, 256, 0, service::Collect::where_short).value();
        entry = by.pages->claim(made).value();
        wire::Publish message;
        message.slot = made.slot;
        message.generation = made.generation;
        message.lease = entry;
        wire::set_text(message.name, name);
        message.type_code = static_cast<std::uint8_t>(uint8.code);
        message.type_bits = uint8.bits;
        message.type_lanes = uint8.lanes;
        message.rank = 1;
        message.extents[0] = 256;
        message.fence_word = fence.word;
        message.fence_value = fence.value;
        message.time_to_live_ns = static_cast<std::uint64_t>(time_to_live.count());
        message.flags = wire::Publish::kReplace;
        context.publish(by.session, account, message);
        return made;
    }

    void publish_for(std::chrono::nanoseconds time_to_live, std::string_view name) {
        std::uint32_t entry = 0;
        publish(members.empty() ? member() : members.front(), name, entry, {}, time_to_live);
    }
    [[nodiscard]] std::string names() const {
        std::string all;
        for (const auto& [name, rest] : context.publications().names()) {
            all += (all.empty() ? "" : " ") + name;
        }
        return all;
    }

    service::Poller poller{};
    service::Watchers watchers{poller};
    std::vector<std::uint64_t> touched{};
    service::Context context{context_settings(), watchers, touched};
    service::Account account{};
    std::deque<Member> members{};
};

// Who gives an entry up clears it without a nudge, because it does not count. That of one too many does: it is looked
// for until it is cleared.
TEST_F(ContextTest, LooksForEntriesThatWereGivenUpWhenNoMoreCouldBeNoted) {
    std::uint32_t entry = 0;
    Member& owner = member();
    const table::AllocationRef allocation = publish(owner, "volume", entry);
    std::vector<std::pair<Member*, std::uint32_t>> holders{{&owner, entry}};
    for (std::size_t i = 0; i < service::kMaxGivenUp; ++i) {
        Member& other = member();
        holders.emplace_back(&other, other.pages->claim(allocation).value());
    }
    for (const auto& [holder, held] : holders) {
        free(*holder, allocation, held);
    }
    EXPECT_FALSE(context.collect());
    EXPECT_TRUE(context.waits_for_entries());
    for (const auto& [holder, held] : holders) {
        holder->pages->drop(held);
    }
    context.collect();
    EXPECT_EQ(context.allocations().count(), 0U);
    EXPECT_FALSE(context.waits_for_entries());
}

TEST_F(ContextTest, DoesNotLookForEntriesOfWhichItIsTold) {
    std::uint32_t entry = 0;
    Member& owner = member();
    const table::AllocationRef allocation = publish(owner, "volume", entry);
    Member& other = member();
    const std::uint32_t held = other.pages->claim(allocation).value();
    free(owner, allocation, entry);
    EXPECT_FALSE(context.collect());
    EXPECT_FALSE(context.waits_for_entries());
    other.pages->drop(held);
    context.collect();
    EXPECT_EQ(context.allocations().count(), 0U);
}

TEST_F(ContextTest, AWordThatIsSetBackAfterTheFenceLimitIsNotPendingAgain) {
    Member& producer = member();
    const std::uint32_t word = context.fences().grant(producer.session.id).value();
    std::uint32_t entry = 0;
    const table::AllocationRef allocation = publish(producer, "volume", entry, {word, 1});
    ASSERT_TRUE(context.fences().oldest());
    EXPECT_EQ(context.fences().expire(service::Fences::Clock::time_point::max()).size(), 1U);
    const table::FenceWords words(duplicate(context.fences().file()));
    EXPECT_EQ(words.word(word).load(), 1U);
    words.word(word).store(0);  // by any member
    EXPECT_FALSE(context.fences().oldest());
    EXPECT_TRUE(context.fences().expire(service::Fences::Clock::time_point::max()).empty());
    EXPECT_EQ(words.word(word).load(), 0U);
    EXPECT_TRUE(context.writer().state(allocation));
}

TEST_F(ContextTest, NamesGoInTheOrderInWhichTheirTimesEnd) {
    const auto begin = Clock::now();
    publish_for(2h, "second");
    publish_for(1h, "first");
    publish_for(0s, "stays");
    const auto first = context.publications().next_expiry();
    ASSERT_TRUE(first);
    EXPECT_GE(*first, begin + 1h) << "never earlier";
    EXPECT_LE(*first, Clock::now() + 1h);
    EXPECT_EQ(context.expire(*first - 1ns), 0U);
    EXPECT_EQ(names(), "first second stays");
    EXPECT_EQ(context.expire(*first), 1U);
    EXPECT_EQ(names(), "second stays");
    EXPECT_EQ(context.expire(Clock::time_point::max()), 1U);
    EXPECT_EQ(names(), "stays");
    EXPECT_FALSE(context.publications().next_expiry());
    EXPECT_EQ(context.expire(Clock::time_point::max()), 0U);
}

TEST_F(ContextTest, ANameThatIsReplacedHasTheTimeOfItsLastPublish) {
    publish_for(1h, "stays now");
    publish_for(0s, "stays now");
    publish_for(0s, "goes now");
    publish_for(1h, "goes now");
    publish_for(1h, "later");
    publish_for(3h, "later");
    publish_for(2h, "unpublished");
    context.unpublish("unpublished");
    EXPECT_EQ(context.expire(*context.publications().next_expiry()), 1U);
    EXPECT_EQ(names(), "later stays now");
    EXPECT_GT(*context.publications().next_expiry(), Clock::now() + 2h);
    EXPECT_EQ(context.expire(Clock::time_point::max()), 1U);
    EXPECT_EQ(names(), "stays now");
}

TEST_F(ContextTest, AFewNamesGoAtOnceSoThatOthersNeedNotWait) {
    for (int i = 0; i < 100; ++i) {
        publish_for(1ns, std::to_string(i));
    }
    EXPECT_EQ(context.expire(Clock::time_point::max()), 64U);
    EXPECT_TRUE(context.publications().next_expiry());
    EXPECT_EQ(context.expire(Clock::time_point::max()), 36U);
    EXPECT_EQ(names(), "");
}

TEST_F(ContextTest, TheLongestTimeToLiveDoesNotWrap) {
    std::uint32_t entry = 0;
    publish(member(), "a", entry, {}, std::chrono::nanoseconds(-1));  // 2^64 - 1 in the message
    EXPECT_GT(*context.publications().next_expiry(), Clock::now() + std::chrono::hours(24 * 365 * 100));
}

TEST_F(ContextTest, MemoryOfANameThatWentStaysWithItsHolders) {
    std::uint32_t entry = 0;
    Member& owner = member();
    const table::AllocationRef allocation = publish(owner, "volume", entry, {}, 1ns);
    EXPECT_EQ(context.expire(Clock::time_point::max()), 1U);
    context.collect();
    EXPECT_EQ(context.writer().state(allocation), AllocationState::retired);
    owner.pages->drop(entry);
    context.collect();
    EXPECT_EQ(context.allocations().count(), 0U);
}

TEST_F(ContextTest, ThatEndsForgetsWhatWasToGo) {
    publish_for(1h, "a");
    context.end();
    EXPECT_FALSE(context.publications().next_expiry());
    EXPECT_EQ(context.expire(Clock::time_point::max()), 0U);
}

}  // namespace
}  // namespace fastio::test
