#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "compute/processor.hpp"
#include "compute/volume.hpp"

namespace brain_mri::testing {

/// A volume with memory of its own, on the host.
template <class T>
struct OwnedVolume {
    Extents extents{};
    std::vector<T> values{};

    explicit OwnedVolume(Extents size, T value = T{})
        : extents(size), values(static_cast<std::size_t>(size.count()), value) {}

    [[nodiscard]] std::size_t index(Index z, Index y, Index x) const {
        return static_cast<std::size_t>((z * extents.y + y) * extents.x + x);
    }
    [[nodiscard]] T& at(Index z, Index y, Index x) { return values[index(z, y, x)]; }
    [[nodiscard]] const T& at(Index z, Index y, Index x) const { return values[index(z, y, x)]; }
    [[nodiscard]] VolumeView<T> view() { return {values.data(), extents}; }
    [[nodiscard]] VolumeView<const T> view() const { return {values.data(), extents}; }
};

/// Of this process, for what tests compute.
[[nodiscard]] const Processor& host();

/// Equally distributed values from 0 to 1.
[[nodiscard]] OwnedVolume<float> random_volume(Extents extents, std::uint32_t seed);

/// Voxels that are 1 with probability `density`.
[[nodiscard]] OwnedVolume<std::uint8_t> random_mask(Extents extents, double density, std::uint32_t seed);

/// A ball of value 200 around the centre on a background of 20, with a little noise; what lies more than `radius`
/// voxels from the centre is background.
[[nodiscard]] OwnedVolume<std::uint8_t> ball(Extents extents, double radius, std::uint32_t seed);

}  // namespace brain_mri::testing
