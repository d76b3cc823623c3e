#include <fastio/data_type.hpp>

#include <gtest/gtest.h>

namespace fastio {
namespace {

struct Constant {
    DataType type;
    const char* name;
    std::size_t bytes;
};

constexpr Constant kConstants[] = {
    {bool_, "bool", 1},
    {int8, "int8", 1},
    {int16, "int16", 2},
    {int32, "int32", 4},
    {int64, "int64", 8},
    {uint8, "uint8", 1},
    {uint16, "uint16", 2},
    {uint32, "uint32", 4},
    {uint64, "uint64", 8},
    {float16, "float16", 2},
    {bfloat16, "bfloat16", 2},
    {float32, "float32", 4},
    {float64, "float64", 8},
    {complex64, "complex64", 8},
    {complex128, "complex128", 16},
    {float8_e3m4, "float8_e3m4", 1},
    {float8_e4m3, "float8_e4m3", 1},
    {float8_e4m3b11fnuz, "float8_e4m3b11fnuz", 1},
    {float8_e4m3fn, "float8_e4m3fn", 1},
    {float8_e4m3fnuz, "float8_e4m3fnuz", 1},
    {float8_e5m2, "float8_e5m2", 1},
    {float8_e5m2fnuz, "float8_e5m2fnuz", 1},
    {float8_e8m0fnu, "float8_e8m0fnu", 1},
};

class DataTypeConstant : public testing::TestWithParam<Constant> {};

TEST_P(DataTypeConstant, IsValidAndHasItsNameAndSize) {
    const auto& [type, name, bytes] = GetParam();
    EXPECT_TRUE(is_valid(type));
    EXPECT_EQ(to_string(type), name);
    EXPECT_EQ(type.size_bytes(), bytes);
}

TEST_P(DataTypeConstant, RoundTripsThroughTextWithEveryNumberOfLanes) {
    for (std::uint16_t lanes = 1; lanes <= 16; ++lanes) {
        DataType type = GetParam().type;
        type.lanes = lanes;
        EXPECT_TRUE(is_valid(type));
        EXPECT_EQ(type.size_bytes(), GetParam().bytes * lanes);
        EXPECT_EQ(parse_data_type(to_string(type)), type) << to_string(type);
    }
}

TEST_P(DataTypeConstant, IsInvalidWithoutLanesOrWithMoreThanSixteen) {
    DataType type = GetParam().type;
    for (const int lanes : {0, 17, 65'535}) {
        type.lanes = static_cast<std::uint16_t>(lanes);
        EXPECT_FALSE(is_valid(type)) << lanes;
        EXPECT_EQ(parse_data_type(to_string(type)), std::nullopt) << to_string(type);
    }
}

INSTANTIATE_TEST_SUITE_P(Every, DataTypeConstant, testing::ValuesIn(kConstants),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(DataType, IsValidForExactlyTheConstants) {
    int valid = 0;
    for (int code = 0; code <= 255; ++code) {
        for (int bits = 0; bits <= 255; ++bits) {
            valid += is_valid({static_cast<TypeCode>(code), static_cast<std::uint8_t>(bits), 1}) ? 1 : 0;
        }
    }
    EXPECT_EQ(valid, static_cast<int>(std::size(kConstants)));
}

TEST(DataType, WritesLanesBehindTheName) {
    EXPECT_EQ(to_string({TypeCode::floating, 32, 4}), "float32x4");
    EXPECT_EQ(to_string({TypeCode::boolean, 8, 16}), "boolx16");
}

TEST(DataType, ShowsTheFieldsOfAnInvalidType) {
    EXPECT_EQ(to_string({TypeCode::opaque, 64, 1}), "invalid(code 3, bits 64, lanes 1)");
    EXPECT_EQ(to_string({TypeCode::integer, 7, 0}), "invalid(code 0, bits 7, lanes 0)");
}

class DataTypeGarbage : public testing::TestWithParam<std::string_view> {};

TEST_P(DataTypeGarbage, ParsesAsNothing) {
    EXPECT_EQ(parse_data_type(GetParam()), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Text, DataTypeGarbage,
                         testing::Values("", "x", "x4", "float", "float3", "float322", "Float32", " float32",
                                         "float32 ", "float32x", "float32x0", "float32x1", "float32x04", "float32x+4",
                                         "float32x-1", "float32x17", "float32x65540", "float32x99999999999999999999",
                                         "float32x4x4", "float32x4 ", "float32X4", "float32xx4", "complex", "int128",
                                         "int8x2a", std::string_view("int8\0", 5), std::string_view("int8x2\0", 7),
                                         "\xFF", "invalid(code 0, bits 7, lanes 1)"));

TEST(TypeOf, MapsCppTypesAndIgnoresConst) {
    EXPECT_EQ(type_of<bool>(), bool_);
    EXPECT_EQ(type_of<const float>(), float32);
    EXPECT_EQ(type_of<std::int64_t>(), int64);
    EXPECT_EQ(type_of<volatile std::byte>(), uint8);
    EXPECT_EQ(type_of<std::complex<double>>(), complex128);
}

TEST(DataType, HasTheLayoutOfDlpack) {
    EXPECT_EQ(sizeof(DataType), 4U);
    EXPECT_EQ(offsetof(DataType, code), 0U);
    EXPECT_EQ(offsetof(DataType, bits), 1U);
    EXPECT_EQ(offsetof(DataType, lanes), 2U);
}

}  // namespace
}  // namespace fastio
