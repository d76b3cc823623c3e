#include <fastio/error.hpp>

#include <gtest/gtest.h>

#include <set>
#include <type_traits>

#include "core/fail.hpp"
#include "errc_of.hpp"

namespace fastio {
namespace {

struct Numbered {
    int number;
    const char* name;
};

// The order is part of the public interface: the numbers travel over the socket and into exit reports.
constexpr Numbered kCodes[] = {
    {1, "invalid_argument"},    {2, "not_found"},         {3, "already_exists"},
    {4, "timed_out"},           {5, "out_of_memory"},     {6, "quota_exceeded"},
    {7, "table_full"},          {8, "lease_limit"},       {9, "released"},
    {10, "producer_lost"},      {11, "service_lost"},     {12, "service_unreachable"},
    {13, "permission_denied"},  {14, "version_mismatch"}, {15, "incompatible_host"},
    {16, "device_unavailable"}, {17, "device_error"},     {18, "context_closed"},
    {19, "protocol_error"},     {20, "forked"},           {21, "peer_access_unavailable"},
    {22, "read_only"},          {23, "unsupported"},      {24, "corrupt_input"},
    {25, "io_error"},
};

class ErrcNumber : public testing::TestWithParam<Numbered> {};

TEST_P(ErrcNumber, KeepsItsNameAndComparesThroughTheCategory) {
    const auto code = static_cast<Errc>(GetParam().number);
    EXPECT_STREQ(to_string(code), GetParam().name);
    const std::error_code converted = code;
    EXPECT_EQ(converted.value(), GetParam().number);
    EXPECT_EQ(&converted.category(), &category());
    EXPECT_EQ(Error(code, "text").code(), code);
    EXPECT_EQ(Error(code, "text").errc(), code);
}

INSTANTIATE_TEST_SUITE_P(Every, ErrcNumber, testing::ValuesIn(kCodes),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Errc, NumbersAreThoseOfTheEnum) {
    EXPECT_EQ(static_cast<int>(Errc::invalid_argument), 1);
    EXPECT_EQ(static_cast<int>(Errc::released), 9);
    EXPECT_EQ(static_cast<int>(Errc::forked), 20);
    EXPECT_EQ(static_cast<int>(Errc::io_error), 25);
}

TEST(Errc, OutsideTheEnumIsUnknown) {
    EXPECT_STREQ(to_string(static_cast<Errc>(0)), "unknown");
    EXPECT_STREQ(to_string(static_cast<Errc>(26)), "unknown");
    EXPECT_STREQ(to_string(static_cast<Errc>(-1)), "unknown");
}

TEST(Category, IsNamedFastioAndIsOne) {
    EXPECT_STREQ(category().name(), "fastio");
    EXPECT_EQ(&category(), &category());
    EXPECT_NE(category(), std::generic_category());
}

TEST(Category, GivesEveryCodeAMessageOfItsOwn) {
    std::set<std::string> messages;
    for (const Numbered& code : kCodes) {
        messages.insert(category().message(code.number));
    }
    EXPECT_EQ(messages.size(), std::size(kCodes));
    EXPECT_FALSE(messages.contains(category().message(0)));
}

TEST(Category, DoesNotMixWithOtherCategoriesOfTheSameNumber) {
    const std::error_code other(static_cast<int>(Errc::not_found), std::generic_category());
    EXPECT_NE(other, std::error_code(Errc::not_found));
    EXPECT_FALSE(other == Errc::not_found);
}

TEST(ErrorObject, SaysExactlyTheMessageItWasGiven) {
    const Error error(Errc::not_found, "no publication \"volume\" in job \"ct-42\"");
    EXPECT_STREQ(error.what(), "no publication \"volume\" in job \"ct-42\"");
    EXPECT_NE(error.code(), Errc::timed_out);
}

TEST(ErrorObject, IsCaughtAsSystemErrorWithItsOwnText) {
    try {
        throw Error(Errc::io_error, "opening \"x\"");
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), Errc::io_error);
        EXPECT_STREQ(error.what(), "opening \"x\"");
        return;
    }
    FAIL() << "not caught as std::system_error";
}

TEST(ErrorObject, CopiesKeepCodeAndText) {
    Error copy(Errc::released, "first");
    {
        const Error original(Errc::forked, std::string(200, 'x'));
        copy = original;
    }
    EXPECT_EQ(copy.errc(), Errc::forked);
    EXPECT_EQ(copy.what(), std::string(200, 'x'));
}

TEST(Fail, ThrowsTheFormattedMessage) {
    EXPECT_EQ(message_of([] { fail(Errc::quota_exceeded, "asked for {} of {} bytes", 3, 2); }),
              "asked for 3 of 2 bytes");
    EXPECT_EQ(errc_of([] { fail(Errc::quota_exceeded, "x"); }), Errc::quota_exceeded);
}

}  // namespace
}  // namespace fastio
