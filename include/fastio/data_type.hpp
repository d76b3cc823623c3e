#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <fastio/export.hpp>

namespace fastio {

/// Kinds of elements, numbered as DLDataTypeCode of DLPack 1.1 (dlpack.h).
enum class TypeCode : std::uint8_t {
    integer = 0,
    unsigned_integer = 1,
    floating = 2,
    opaque = 3,
    bfloat = 4,
    complex = 5,
    boolean = 6,
    float8_e3m4 = 7,
    float8_e4m3 = 8,
    float8_e4m3b11fnuz = 9,
    float8_e4m3fn = 10,
    float8_e4m3fnuz = 11,
    float8_e5m2 = 12,
    float8_e5m2fnuz = 13,
    float8_e8m0fnu = 14,
};

/// The type of one element: DLPack's DLDataType, with the same three fields in the same order and widths.
struct DataType {
    TypeCode code = TypeCode::unsigned_integer;
    std::uint8_t bits = 8;    ///< of one lane
    std::uint16_t lanes = 1;  ///< 1 for scalars

    /// Bytes that one element takes.
    [[nodiscard]] constexpr std::size_t size_bytes() const noexcept {
        return (static_cast<std::size_t>(bits) * lanes + 7) / 8;
    }
    friend constexpr bool operator==(const DataType&, const DataType&) = default;
};

inline constexpr DataType bool_{TypeCode::boolean, 8, 1};
inline constexpr DataType int8{TypeCode::integer, 8, 1};
inline constexpr DataType int16{TypeCode::integer, 16, 1};
inline constexpr DataType int32{TypeCode::integer, 32, 1};
inline constexpr DataType int64{TypeCode::integer, 64, 1};
inline constexpr DataType uint8{TypeCode::unsigned_integer, 8, 1};
inline constexpr DataType uint16{TypeCode::unsigned_integer, 16, 1};
inline constexpr DataType uint32{TypeCode::unsigned_integer, 32, 1};
inline constexpr DataType uint64{TypeCode::unsigned_integer, 64, 1};
inline constexpr DataType float16{TypeCode::floating, 16, 1};
inline constexpr DataType bfloat16{TypeCode::bfloat, 16, 1};
inline constexpr DataType float32{TypeCode::floating, 32, 1};
inline constexpr DataType float64{TypeCode::floating, 64, 1};
inline constexpr DataType complex64{TypeCode::complex, 64, 1};
inline constexpr DataType complex128{TypeCode::complex, 128, 1};
inline constexpr DataType float8_e3m4{TypeCode::float8_e3m4, 8, 1};
inline constexpr DataType float8_e4m3{TypeCode::float8_e4m3, 8, 1};
inline constexpr DataType float8_e4m3b11fnuz{TypeCode::float8_e4m3b11fnuz, 8, 1};
inline constexpr DataType float8_e4m3fn{TypeCode::float8_e4m3fn, 8, 1};
inline constexpr DataType float8_e4m3fnuz{TypeCode::float8_e4m3fnuz, 8, 1};
inline constexpr DataType float8_e5m2{TypeCode::float8_e5m2, 8, 1};
inline constexpr DataType float8_e5m2fnuz{TypeCode::float8_e5m2fnuz, 8, 1};
inline constexpr DataType float8_e8m0fnu{TypeCode::float8_e8m0fnu, 8, 1};

/// Specialise this with a `static constexpr DataType value` to teach type_of<T>() a type of your own
/// (for example __half, as float16).
template <class T>
struct TypeOf;

// clang-format off
template <> struct TypeOf<bool> { static constexpr DataType value = bool_; };
template <> struct TypeOf<std::int8_t> { static constexpr DataType value = int8; };
template <> struct TypeOf<std::int16_t> { static constexpr DataType value = int16; };
template <> struct TypeOf<std::int32_t> { static constexpr DataType value = int32; };
template <> struct TypeOf<std::int64_t> { static constexpr DataType value = int64; };
template <> struct TypeOf<std::uint8_t> { static constexpr DataType value = uint8; };
template <> struct TypeOf<std::byte> { static constexpr DataType value = uint8; };
template <> struct TypeOf<std::uint16_t> { static constexpr DataType value = uint16; };
template <> struct TypeOf<std::uint32_t> { static constexpr DataType value = uint32; };
template <> struct TypeOf<std::uint64_t> { static constexpr DataType value = uint64; };
template <> struct TypeOf<float> { static constexpr DataType value = float32; };
template <> struct TypeOf<double> { static constexpr DataType value = float64; };
template <> struct TypeOf<std::complex<float>> { static constexpr DataType value = complex64; };
template <> struct TypeOf<std::complex<double>> { static constexpr DataType value = complex128; };
// clang-format on

/// The DataType of a C++ type, `const` or not: `type_of<float>() == float32`.
template <class T>
[[nodiscard]] constexpr DataType type_of() noexcept {
    return TypeOf<std::remove_cv_t<T>>::value;
}

/// True for types that an allocation may have: one of the constants above, with 1 to 16 lanes.
[[nodiscard]] FASTIO_EXPORT bool is_valid(DataType type) noexcept;

/// "float32", "bool", "float8_e4m3fn", and "float32x4" for more than one lane.
[[nodiscard]] FASTIO_EXPORT std::string to_string(DataType type);

/// The inverse of to_string; empty when the text names no type.
[[nodiscard]] FASTIO_EXPORT std::optional<DataType> parse_data_type(std::string_view text) noexcept;

}  // namespace fastio
