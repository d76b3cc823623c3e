#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using PublishTest = ClientTest;

TEST_F(PublishTest, NameAndVersionAreThoseOfTheLastPublish) {
    Allocation a = ctx.create(8);
    a.publish("first");
    EXPECT_EQ(a.name(), "first");
    EXPECT_EQ(a.version(), 1U);
    a.publish("second");
    EXPECT_EQ(a.name(), "second");
    EXPECT_EQ(a.version(), 2U);
}

TEST_F(PublishTest, ATakenNameIsRefusedAndNothingChanges) {
    publish_text(ctx, "name", "old");
    Allocation a = other.create(8);
    EXPECT_EQ(errc_of([&] { a.publish("name"); }), Errc::already_exists);
    EXPECT_EQ(a.version(), 0U);
    EXPECT_EQ(a.name(), "");
    EXPECT_EQ(text_of(ctx.get("name")), "old");
    EXPECT_EQ(other.stats().own_leases, 0U);
    a.publish("free name");
    EXPECT_TRUE(ctx.find("free name"));
}

TEST_F(PublishTest, ReplaceMovesTheNameAndHoldersKeepTheOldContents) {
    publish_text(ctx, "name", "old");
    const Allocation held = other.get("name");
    publish_text(ctx, "name", "new", true);
    EXPECT_EQ(text_of(held), "old");
    const Allocation now = other.get("name");
    EXPECT_EQ(text_of(now), "new");
    EXPECT_GT(now.version(), held.version());
}

TEST_F(PublishTest, SeveralNamesLeadToOneMemory) {
    Allocation a = ctx.create(8, {.zero = true});
    a.publish("one");
    a.publish("two");
    *other.get("one").data<int>() = 7;
    EXPECT_EQ(*other.get("two").data<int>(), 7);
    EXPECT_EQ(ctx.stats().allocations, 1U);
    EXPECT_EQ(ctx.stats().publications, 2U);
}

TEST_F(PublishTest, ANameGoesAfterItsTimeToLiveAndItsHoldersKeepTheMemory) {
    Watch watch = other.watch();
    Allocation a = ctx.create(8, {.zero = true});
    a.publish("stays");
    a.publish("goes", {.time_to_live = 1ms});
    while (other.find("goes")) {
    }
    while (watch.next(forever)->kind != WatchEvent::Kind::unpublished) {
    }
    EXPECT_EQ(*a.data<int>(), 0);
    EXPECT_TRUE(other.find("stays"));
    EXPECT_EQ(ctx.stats().publications, 1U);
    publish_text(other, "goes", "again");
    EXPECT_EQ(text_of(ctx.get("goes")), "again");
}

TEST_F(PublishTest, ATimeToLiveThatIsNotAbove0IsRefusedBeforeAnythingIsDone) {
    Allocation a = ctx.create(8);
    for (const auto wrong : {0ns, -1ns}) {
        EXPECT_EQ(errc_of([&] { a.publish("name", {.time_to_live = wrong}); }), Errc::invalid_argument);
        EXPECT_EQ(errc_of([&] {
                      ctx.publish_array({.data = &wrong, .type = uint8, .dimensions = {8}}, "name",
                                        {.time_to_live = wrong});
                  }),
                  Errc::invalid_argument);
    }
    EXPECT_FALSE(ctx.find("name"));
    EXPECT_EQ(ctx.stats().allocations, 1U);
}

TEST_F(PublishTest, FreeRemovesEveryName) {
    Allocation a = ctx.create(8);
    a.publish("one");
    a.publish("two");
    other.get("one").publish("three");
    a.free();
    for (const char* name : {"one", "two", "three"}) {
        EXPECT_FALSE(other.find(name).has_value()) << name;
    }
    EXPECT_EQ(ctx.stats().allocations, 0U);
    EXPECT_EQ(ctx.stats().publications, 0U);
}

TEST_F(PublishTest, EachPublicationHasItsOwnMetadata) {
    Allocation a = ctx.create(64);
    a.set_type_and_dimensions(float32, {16});
    a.publish("floats");
    a.set_type_and_dimensions(int16, {4, 8});
    a.publish("shorts");
    EXPECT_EQ(other.get("floats").type(), float32);
    EXPECT_EQ(other.get("shorts").type(), int16);
    EXPECT_EQ(other.get("shorts").dimensions()[1], 8);
}

TEST_F(PublishTest, AttributesTravelWithThePublication) {
    Allocation a = ctx.create(8);
    a.publish("a", {.attributes = {{"spacing-mm", "0.5 0.5 1.0"}, {"unit", "\u00b5m"}}});
    const Allocation b = other.get("a");
    EXPECT_EQ(b.attributes(), (Attributes{{"spacing-mm", "0.5 0.5 1.0"}, {"unit", "\u00b5m"}}));
    EXPECT_EQ(a.attributes(), b.attributes());
    publish_text(ctx, "b", "none");
    EXPECT_TRUE(other.get("b").attributes().empty());
}

TEST_F(PublishTest, AttributesStayWithTheAllocationUntilOthersAreGiven) {
    const Attributes unit{{"unit", "mm"}};
    ctx.create(8).publish("a", {.attributes = unit});
    Allocation a = other.get("a");
    a.publish("alias");
    EXPECT_EQ(ctx.get("alias").attributes(), unit);
    EXPECT_EQ(a.attributes(), unit);
    a.publish("a", {.replace = true});
    EXPECT_EQ(ctx.get("a").attributes(), unit);
    PublishOptions one_by_one;
    EXPECT_FALSE(one_by_one.attributes.is_given());
    one_by_one.attributes["unit"] = "m";
    a.publish("metres", one_by_one);
    EXPECT_EQ(ctx.get("metres").attributes(), (Attributes{{"unit", "m"}}));
    a.publish("none", {.attributes = Attributes{}});
    EXPECT_TRUE(ctx.get("none").attributes().empty());
    EXPECT_TRUE(a.attributes().empty());
    a.publish("still none");
    EXPECT_TRUE(ctx.get("still none").attributes().empty());
}

TEST_F(PublishTest, ARefusedPublishLeavesTheAttributesAsTheyWere) {
    publish_text(ctx, "taken", "x");
    Allocation a = ctx.create(8);
    a.publish("a", {.attributes = {{"unit", "mm"}}});
    for (const Attributes& given : {Attributes{}, Attributes{{"unit", "m"}}}) {
        EXPECT_EQ(errc_of([&] { a.publish("taken", {.attributes = given}); }), Errc::already_exists);
        EXPECT_EQ(a.attributes().at("unit"), "mm");
    }
}

TEST_F(PublishTest, FourKibibytesOfAttributesFit) {
    const std::string value(4096 - 4 - 1, 'v');
    Allocation a = ctx.create(8);
    a.publish("a", {.attributes = {{"k", value}}});
    EXPECT_EQ(other.get("a").attributes().at("k"), value);
}

TEST_F(PublishTest, MoreThanFourKibibytesOfAttributesAreRefused) {
    Allocation a = ctx.create(8);
    EXPECT_EQ(errc_of([&] {
                  a.publish("a", {.attributes = {{"k", std::string(4096 - 4, 'v')}}});
              }),
              Errc::invalid_argument);
    EXPECT_FALSE(ctx.find("a").has_value());
    a.publish("a");
    EXPECT_TRUE(other.get("a").attributes().empty());
}

TEST_F(PublishTest, AttributesOfARefusedPublishDoNotReachTheNextOne) {
    publish_text(ctx, "taken", "x");
    Allocation a = ctx.create(8);
    EXPECT_EQ(errc_of([&] {
                  a.publish("taken", {.attributes = {{"k", std::string(3000, 'v')}}});
              }),
              Errc::already_exists);
    a.publish("free");
    EXPECT_TRUE(other.get("free").attributes().empty());
}

TEST_F(PublishTest, AStreamOnHostMemoryIsRefused) {
    Allocation a = ctx.create(8);
    EXPECT_EQ(errc_of([&] { a.publish("a", {.stream = nullptr}); }), Errc::unsupported);
    EXPECT_FALSE(ctx.find("a").has_value());
    EXPECT_EQ(ctx.stats().own_leases, 0U);
}

TEST_F(PublishTest, BytesPublishedAreCounted) {
    publish_text(ctx, "a", "12345");
    Allocation a = ctx.create(float32, {10});
    a.publish("b");
    EXPECT_EQ(ctx.stats().bytes_published, 45U);
    EXPECT_EQ(other.stats().bytes_published, 0U);
}

TEST_F(PublishTest, UnpublishRemovesOneNameAndKeepsTheMemoryForItsHolders) {
    publish_text(ctx, "a", "kept");
    const Allocation held = other.get("a");
    ctx.unpublish("a");
    EXPECT_FALSE(other.find("a").has_value());
    EXPECT_EQ(text_of(held), "kept");
}

TEST_F(PublishTest, UnpublishOfAnUnpublishedNameIsNotFound) {
    EXPECT_EQ(errc_of([&] { ctx.unpublish("nobody"); }), Errc::not_found);
}

TEST_F(PublishTest, UnpublishOfAVersionLeavesWhatAnotherHasPutInItsPlace) {
    publish_text(ctx, "a", "first");
    const Allocation first = ctx.get("a");
    other.unpublish("a");
    publish_text(other, "a", "second");
    EXPECT_EQ(errc_of([&] { ctx.unpublish("a", first.version()); }), Errc::not_found);
    const Allocation second = ctx.get("a");
    EXPECT_EQ(text_of(second), "second");
    ctx.unpublish("a", second.version());
    EXPECT_FALSE(ctx.find("a").has_value());
}

TEST_F(PublishTest, WhatHasNoNameAnyMoreCanBePublishedAgain) {
    publish_text(ctx, "a", "again");
    Allocation held = other.get("a");
    ctx.unpublish("a");
    held.publish("b");
    EXPECT_EQ(text_of(ctx.get("b")), "again");
}

}  // namespace
}  // namespace fastio::test
