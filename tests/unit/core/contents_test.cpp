#include <fastio/contents.hpp>

#include <gtest/gtest.h>

namespace fastio {
namespace {

TEST(ContentsSpelling, IsThatOfItsEnumerator) {
    EXPECT_STREQ(to_string(Contents::complete), "complete");
    EXPECT_STREQ(to_string(Contents::pending), "pending");
    EXPECT_STREQ(to_string(Contents::lost), "lost");
    EXPECT_STREQ(to_string(static_cast<Contents>(3)), "unknown");
}

}  // namespace
}  // namespace fastio
