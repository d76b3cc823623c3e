#include "service/options.hpp"

#include <gtest/gtest.h>

#include <fastio/error.hpp>

namespace fastio::service {
namespace {

TEST(SizeOptionTest, TakesUnitsOf1024) {
    EXPECT_EQ(parse_size("0"), 0U);
    EXPECT_EQ(parse_size("4096"), 4096U);
    EXPECT_EQ(parse_size("12B"), 12U);
    EXPECT_EQ(parse_size("64K"), 65'536U);
    EXPECT_EQ(parse_size("8g"), std::uint64_t{8} << 30);
    EXPECT_EQ(parse_size("8GiB"), std::uint64_t{8} << 30);
    EXPECT_EQ(parse_size("1TB"), std::uint64_t{1} << 40);
}

TEST(SizeOptionTest, RefusesWhatIsNoSize) {
    for (const char* text :
         {"", "G", "-1", "8X", "8 G", "1.5G", "8GG", "99999999999G", "18446744073709551616", "1iB"}) {
        EXPECT_THROW((void)parse_size(text), Error) << text;
    }
}

}  // namespace
}  // namespace fastio::service
