#pragma once

#include <string>
#include <vector>

#include <fastio/fastio.hpp>

#include "support/program.hpp"
#include "support/volumes.hpp"

namespace brain_mri::testing {

inline constexpr Extents kBallExtents{48, 40, 44};
inline constexpr double kBallRadius = 14;  ///< voxels
inline constexpr float kBallSpacingMm = 2.0F;

/// Writes the scan of a ball.
void write_ball(const std::string& path);

/// An input or output of an operator in its environment.
[[nodiscard]] std::string name_entry(const std::string& name);
[[nodiscard]] std::string path_entry(const std::string& name, const std::string& path);

/// Starts the operator `name` as `fastio run` does, in the job and on the device of `context`.
[[nodiscard]] Program start_operator(const fastio::Context& context, const std::string& name,
                                     const std::vector<std::string>& arguments, const std::string& inputs,
                                     const std::string& outputs);

/// Runs all four at once. They publish "volume", "smoothed" and "mask". What they wrote, in the order load, smooth,
/// segment, render.
[[nodiscard]] std::vector<Outcome> run_operators(const fastio::Context& context, const std::string& scan,
                                                 const std::string& picture);

/// The elements of memory on any device, on the host.
template <class T>
[[nodiscard]] std::vector<T> contents_of(const fastio::Allocation& allocation) {
    std::vector<T> values(allocation.count());
    allocation.copy_to(values.data(), values.size() * sizeof(T));
    return values;
}

}  // namespace brain_mri::testing
