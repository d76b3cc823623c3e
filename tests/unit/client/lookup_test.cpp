#include <array>

#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using LookupTest = ClientTest;

TEST_F(LookupTest, GetSeesWhatAnotherMemberPublished) {
    publish_text(ctx, "greeting", "hello");
    const Allocation a = other.get("greeting");
    EXPECT_EQ(text_of(a), "hello");
    EXPECT_EQ(a.name(), "greeting");
    EXPECT_EQ(a.version(), 1U);
    EXPECT_EQ(a.type(), uint8);
    EXPECT_EQ(a.size(), 5U);
}

TEST_F(LookupTest, GetIsTheSameMemory) {
    Allocation mine = ctx.create(16, {.zero = true});
    mine.publish("shared");
    const Allocation theirs = other.get("shared");
    *theirs.data<int>() = 42;
    EXPECT_EQ(*mine.data<int>(), 42);
}

TEST_F(LookupTest, GetOfAnUnpublishedNameIsNotFound) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.get("nobody")); }), Errc::not_found);
}

TEST_F(LookupTest, TheErrorNamesNameAndJob) {
    try {
        static_cast<void>(ctx.get("nobody"));
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("'nobody'"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("'job'"), std::string::npos) << error.what();
    }
}

TEST_F(LookupTest, FindOfAnUnpublishedNameIsEmpty) {
    EXPECT_FALSE(ctx.find("nobody").has_value());
}

TEST_F(LookupTest, BadNamesAreInvalidEverywhere) {
    const std::array<std::string, 5> bad{"", std::string(256, 'x'), std::string("a\0b", 3), "\xff\xfe", "\xed\xa0\x80"};
    Allocation a = ctx.create(8);
    for (const std::string& name : bad) {
        EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.get(name)); }), Errc::invalid_argument);
        EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.find(name)); }), Errc::invalid_argument);
        EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.get(name, {.timeout = 1ms})); }), Errc::invalid_argument);
        EXPECT_EQ(errc_of([&] { a.publish(name); }), Errc::invalid_argument);
        EXPECT_EQ(errc_of([&] { ctx.unpublish(name); }), Errc::invalid_argument);
        EXPECT_EQ(errc_of([&] { publish_text(ctx, name, "x"); }), Errc::invalid_argument);
    }
    EXPECT_EQ(ctx.stats().publications, 0U);
}

TEST_F(LookupTest, TheLongestNameWorks) {
    const std::string name(255, 'n');
    publish_text(ctx, name, "long");
    const Allocation a = other.get(name);
    EXPECT_EQ(a.name(), name);
    EXPECT_EQ(text_of(a), "long");
}

TEST_F(LookupTest, NamesOfOtherJobsAreNotSeen) {
    Context elsewhere = join("another job");
    publish_text(elsewhere, "here", "x");
    EXPECT_FALSE(ctx.find("here").has_value());
}

TEST_F(LookupTest, FindManyGivesOneOptionalPerNameInOrder) {
    publish_text(ctx, "a", "A");
    publish_text(ctx, "c", "C");
    const std::vector<std::string> names{"c", "b", "a", "c"};
    const auto found = other.find_many(names);
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(text_of(*found[0]), "C");
    EXPECT_FALSE(found[1].has_value());
    EXPECT_EQ(text_of(*found[2]), "A");
    EXPECT_EQ(text_of(*found[3]), "C");
}

TEST_F(LookupTest, FindManyTakesWhatFindTakes) {
    publish_text(ctx, "a", "1");
    publish_text(ctx, "b", "2");
    const std::uint64_t first = other.get("a").version();
    const std::vector<std::string> names{"a", "b"};
    const auto newer = other.find_many(names, {.newer_than = first});
    EXPECT_FALSE(newer[0].has_value());
    EXPECT_EQ(text_of(*newer[1]), "2");
}

TEST_F(LookupTest, FindManyWaitsForEachName) {
    const std::vector<std::string> names{"late", "later"};
    std::thread publisher([this] {
        for (const std::string name : {"late", "later"}) {
            wait_until_sleeping(other, name == "late" ? 1 : 2);
            publish_text(ctx, name, name);
        }
    });
    const auto found = other.find_many(names, {.timeout = forever});
    publisher.join();
    EXPECT_EQ(text_of(*found[0]), "late");
    EXPECT_EQ(text_of(*found[1]), "later");
}

TEST_F(LookupTest, FindManyHasOneTimeForAllNames) {
    const std::vector<std::string> names(100, "never");
    EXPECT_EQ(other.find_many(names, {.timeout = 1ms}).size(), names.size());
    EXPECT_LT(other.stats().waits, names.size()) << "each name was waited for";
}

TEST_F(LookupTest, FindManyOfNothingIsNothing) {
    EXPECT_TRUE(ctx.find_many({}).empty());
}

TEST_F(LookupTest, NewerThanWantsALaterVersion) {
    publish_text(ctx, "a", "1");
    const std::uint64_t first = other.get("a").version();
    EXPECT_EQ(errc_of([&] { static_cast<void>(other.get("a", {.newer_than = first})); }), Errc::not_found);
    EXPECT_FALSE(other.find("a", {.newer_than = first}).has_value());
    publish_text(ctx, "a", "2", true);
    EXPECT_EQ(text_of(other.get("a", {.newer_than = first})), "2");
}

TEST_F(LookupTest, AStreamOnHostMemoryIsRefusedAndLeavesNoLease) {
    publish_text(ctx, "a", "1");
    EXPECT_EQ(errc_of([&] { static_cast<void>(other.get("a", {.stream = nullptr})); }), Errc::unsupported);
    EXPECT_EQ(other.stats().own_leases, 0U);
}

TEST_F(LookupTest, TheMetadataIsACopy) {
    Allocation mine = ctx.create(float32, {4, 4});
    mine.publish("m");
    Allocation theirs = other.get("m");
    theirs.set_type_and_dimensions(int32, {2, 8});
    EXPECT_EQ(mine.type(), float32);
    EXPECT_EQ(other.get("m").type(), float32);
    EXPECT_EQ(other.get("m").dimensions()[0], 4);
}

TEST_F(LookupTest, AGotAllocationCanBeWrittenPublishedAndFreed) {
    publish_text(ctx, "in", "abc");
    Allocation theirs = other.get("in");
    theirs.data<char>()[0] = 'X';
    theirs.publish("out");
    EXPECT_EQ(text_of(ctx.get("out")), "Xbc");
    theirs.free();
    EXPECT_FALSE(ctx.find("in").has_value());
    EXPECT_FALSE(ctx.find("out").has_value());
}

TEST_F(LookupTest, ThousandsOfNamesAreFound) {
    constexpr int kNames = 6000;  // more than one segment of records, more than one index array
    for (int i = 0; i < kNames; ++i) {
        Allocation a = ctx.create(sizeof(int));
        *a.data<int>() = i;
        a.publish("name/" + std::to_string(i));
    }
    for (int i = 0; i < kNames; ++i) {
        EXPECT_EQ(*other.get("name/" + std::to_string(i)).data<int>(), i);
    }
}

}  // namespace
}  // namespace fastio::test
