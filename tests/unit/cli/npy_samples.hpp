#pragma once

#include <string>
#include <string_view>

namespace fastio::test {

/// A .npy file that NumPy wrote. The arrays of number types ("float32", ...) have the shape (2, 3); "c_order",
/// "fortran_order", "big_endian_int16", "version_2" and the like hold the int16 numbers 0 to 23 in the shape (2, 3, 4).
[[nodiscard]] std::string npy_sample(std::string_view name);

}  // namespace fastio::test
