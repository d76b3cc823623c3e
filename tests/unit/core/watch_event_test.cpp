#include <fastio/watch.hpp>

#include <gtest/gtest.h>

namespace fastio {
namespace {

TEST(WatchEventKind, HasTheSpellingOfItsEnumerator) {
    using enum WatchEvent::Kind;
    EXPECT_STREQ(to_string(published), "published");
    EXPECT_STREQ(to_string(replaced), "replaced");
    EXPECT_STREQ(to_string(unpublished), "unpublished");
    EXPECT_STREQ(to_string(context_created), "context_created");
    EXPECT_STREQ(to_string(context_ended), "context_ended");
    EXPECT_STREQ(to_string(session_joined), "session_joined");
    EXPECT_STREQ(to_string(session_left), "session_left");
    EXPECT_STREQ(to_string(lost), "lost");
}

TEST(WatchEventKind, OutsideTheEnumIsUnknown) {
    EXPECT_STREQ(to_string(static_cast<WatchEvent::Kind>(0)), "unknown");
    EXPECT_STREQ(to_string(static_cast<WatchEvent::Kind>(9)), "unknown");
}

}  // namespace
}  // namespace fastio
