#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/strided_copy.hpp"

namespace fastio::gpu::test {

/// A strided array and memory that holds all of it, with room around it.
struct StridedSample {
    std::vector<std::int64_t> dimensions{};
    std::vector<std::int64_t> strides{};  ///< bytes
    std::size_t element_bytes = 1;
    std::size_t first = 0;   ///< where in the memory the element (0, ..., 0) begins
    std::size_t memory = 0;  ///< bytes

    [[nodiscard]] StridedLayout layout() const { return {dimensions, strides, element_bytes}; }
    [[nodiscard]] std::size_t count() const;
    /// Where each element begins in the memory, in C order: by the definition of strides.
    [[nodiscard]] std::vector<std::size_t> places() const;
    [[nodiscard]] std::string describe() const;
};

/// An array of `dimensions` whose axes lie in memory in any order, with gaps, backwards or not.
[[nodiscard]] StridedSample random_sample(std::vector<std::int64_t> dimensions, std::size_t element_bytes,
                                          std::mt19937& random);

/// Shapes and elements that take every way through the copy: words of all widths, tiles, up to eight dimensions, empty
/// ones, none.
[[nodiscard]] std::vector<StridedSample> strided_samples(std::uint32_t seed);

/// `size` bytes that are not the same at any two places of 251 in a row.
[[nodiscard]] std::vector<unsigned char> numbered_bytes(std::size_t size);

}  // namespace fastio::gpu::test
