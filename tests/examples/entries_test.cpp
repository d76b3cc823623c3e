#include "operators/entries.hpp"

#include <gtest/gtest.h>

#include <fastio/error.hpp>

namespace brain_mri {

TEST(Entries, AreReadInOrder) {
    const auto entries =
        parse_entries(R"([{"name":"scan","path":"/data/brain.nii.gz"},{"name":"volume","type":"array"}])", "X");
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].name, "scan");
    EXPECT_EQ(entries[0].path, "/data/brain.nii.gz");
    EXPECT_EQ(entries[1].name, "volume");
    EXPECT_EQ(entries[1].path, "");
}

TEST(Entries, OfAnEmptyOrMissingVariableAreNone) {
    EXPECT_TRUE(parse_entries(nullptr, "X").empty());
    EXPECT_TRUE(parse_entries("", "X").empty());
    EXPECT_TRUE(parse_entries("[]", "X").empty());
}

TEST(Entries, ThatAreMalformedAreRefusedWithTheVariablesName) {
    for (const char* text : {"[", "[1]", R"([{"path":"x"}])", R"([{"name":7}])", R"([{"name":"a","path":null}])"}) {
        try {
            static_cast<void>(parse_entries(text, "FASTIO_INPUTS"));
            ADD_FAILURE() << text << " was accepted";
        } catch (const fastio::Error& error) {
            EXPECT_EQ(error.errc(), fastio::Errc::invalid_argument);
            EXPECT_NE(std::string(error.what()).find("$FASTIO_INPUTS"), std::string::npos) << error.what();
        }
    }
}

}  // namespace brain_mri
