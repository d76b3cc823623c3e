#include <unistd.h>

#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using ListTest = ClientTest;

TEST_F(ListTest, RowsComeInOrderOfTheirNames) {
    for (const char* name : {"b/2", "a", "c", "b/1", "b"}) {
        publish_text(ctx, name, "x");
    }
    std::vector<std::string> names;
    for (const PublicationInfo& info : other.list()) {
        names.push_back(info.name);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "b/1", "b/2", "c"}));
}

TEST_F(ListTest, APrefixSelects) {
    for (const char* name : {"volume", "volume/a", "volume/b", "vol", "other"}) {
        publish_text(ctx, name, "x");
    }
    EXPECT_EQ(other.list("volume").size(), 3U);
    EXPECT_EQ(other.list("volume/").size(), 2U);
    EXPECT_EQ(other.list("zzz").size(), 0U);
    EXPECT_EQ(other.list(std::string(300, 'v')).size(), 0U);
}

TEST_F(ListTest, ARowSaysWhatWasPublished) {
    ::setenv("FASTIO_STAGE", "smooth", 1);
    Context smooth = join();
    ::unsetenv("FASTIO_STAGE");
    Allocation a = smooth.create(float32, {2, 3});
    a.publish("volume", {.attributes = {{"unit", "mm"}}});
    const auto rows = other.list();
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].name, "volume");
    EXPECT_EQ(rows[0].version, a.version());
    EXPECT_EQ(rows[0].type, float32);
    EXPECT_EQ(rows[0].dimensions, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(rows[0].size, 24U);
    EXPECT_EQ(rows[0].device, "host");
    EXPECT_EQ(rows[0].publisher, "smooth[" + std::to_string(::getpid()) + "]");
    EXPECT_GE(rows[0].age.count(), 0);
    EXPECT_EQ(rows[0].attributes.at("unit"), "mm");
    EXPECT_EQ(rows[0].time_to_live, forever);
}

TEST_F(ListTest, SaysHowLongANameLives) {
    const Allocation a = [&] {
        Allocation made = ctx.create(8);
        made.publish("a", {.time_to_live = 1h});
        return made;
    }();
    ASSERT_EQ(other.list().size(), 1U);
    EXPECT_EQ(other.list()[0].time_to_live, 1h);
    Service asker(service.socket());
    EXPECT_EQ(asker.publications("job").at(0).time_to_live, 1h);
}

TEST_F(ListTest, AnEmptyContextHasNoRows) {
    EXPECT_TRUE(ctx.list().empty());
}

TEST_F(ListTest, StatsCountWhatThisContextDid) {
    publish_text(ctx, "a", "abc");
    for (int i = 0; i < 5; ++i) {
        static_cast<void>(other.get("a"));
    }
    const ContextStats theirs = other.stats();
    EXPECT_EQ(theirs.gets, 5U);
    EXPECT_EQ(theirs.waits, 0U);
    EXPECT_EQ(theirs.slabs_mapped, 1U);
    EXPECT_EQ(theirs.bytes_copied, 0U);
    EXPECT_EQ(theirs.publications, 1U);
    EXPECT_EQ(theirs.members, 2U);
    EXPECT_GE(theirs.bytes_reserved, std::uint64_t{2} << 20);
    EXPECT_GE(theirs.bytes_in_use, 3U);
    EXPECT_EQ(ctx.stats().gets, 0U);
}

}  // namespace
}  // namespace fastio::test
