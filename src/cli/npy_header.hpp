#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/data_type.hpp>

namespace fastio::cli {

/// A .npy file starts with the magic, two bytes of version, the length of the header (2 bytes little-endian in version
/// 1.0, 4 bytes in 2.0 and 3.0), and the header: a Python dict literal with the keys descr, fortran_order and shape,
/// ended by a newline. Source: numpy.lib.format.
inline constexpr std::string_view kNpyMagic{"\x93NUMPY", 6};

/// Longer headers describe structured types, which fastio does not take. NumPy itself refuses more than 10,000.
inline constexpr std::size_t kMaxNpyHeaderBytes = 65'535;

struct NpyHeader {
    DataType type = uint8;
    bool big_endian = false;     ///< the file's; never set for types of one byte
    bool fortran_order = false;  ///< the first dimension varies fastest
    std::vector<std::int64_t> shape{};

    [[nodiscard]] std::uint64_t count() const noexcept;       ///< elements; 1 for a scalar
    [[nodiscard]] std::uint64_t size_bytes() const noexcept;  ///< of the data; parse_npy_header checked that it fits
};

/// Reads the dict literal. `file` is for messages. Errors: corrupt_input (not such a literal, missing, unknown or
/// repeated keys, a negative or overflowing shape), unsupported (types that fastio has not: structured, object, text,
/// dates, void, long double; more than 8 dimensions).
[[nodiscard]] NpyHeader parse_npy_header(std::string_view literal, std::string_view file);

/// All bytes before the data of a version 1.0 file in C order and little-endian, padded to a multiple of 64. Errors:
/// unsupported for types that NumPy has not (bfloat16, the float8 kinds, more than one lane).
[[nodiscard]] std::string format_npy_preamble(DataType type, std::span<const std::int64_t> dimensions);

}  // namespace fastio::cli
