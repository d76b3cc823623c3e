#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <fastio/stream.hpp>

#include "compute/components.hpp"
#include "compute/gather.hpp"
#include "compute/histogram.hpp"
#include "compute/projection.hpp"
#include "compute/volume.hpp"

namespace brain_mri {

/// Computes on volumes: on the host's processor, or on a GPU. The algorithms are one source, in algorithms/, which the
/// host's compiler and nvcc both compile.
///
/// On a GPU all work is queued in one stream, in the order of the calls; those that return a result wait for it. On the
/// host every call is done when it returns. Volumes are in memory that the processor reaches.
///
/// *Threads.* One at a time, the one that made it: a GPU's processor makes its GPU the current device of that thread.
/// *Errors.* std::runtime_error where CUDA fails, at the latest from synchronise.
class Processor {
public:
    Processor() = default;
    Processor(const Processor&) = delete;
    Processor& operator=(const Processor&) = delete;
    virtual ~Processor() = default;

    /// False for the host's, which cannot follow an address of a GPU's memory, and the other way round.
    [[nodiscard]] virtual bool is_gpu() const = 0;
    /// What the work is queued in; none on the host.
    [[nodiscard]] virtual fastio::Stream stream() const = 0;
    /// Returns when all that was queued is done.
    virtual void synchronise() const = 0;

    /// out(z, y, x) = slope * raw[order(z, y, x)] + intercept, computed in double. `raw` is in host memory and read
    /// before the call returns.
    virtual void gather(const RawValues& raw, const Order& order, double slope, double intercept,
                        VolumeView<float> out) const = 0;

    /// Convolves `in` with a Gaussian of standard deviation `sigma_mm` millimetres (>= 0), one axis after the other,
    /// each with sigma_mm / spacing samples (see gaussian_weights). Outside the volume the nearest voxel of the border
    /// counts (clamping).
    ///
    /// The three volumes have the same extents and do not overlap; `scratch` holds an intermediate result.
    /// Cost: 3 * (2 * radius + 1) reads per voxel.
    virtual void smooth(VolumeView<const float> in, VolumeView<float> out, VolumeView<float> scratch,
                        const Spacing& spacing, double sigma_mm) const = 0;

    /// The histogram of all voxels between their smallest and their largest value. The volume is not empty and its
    /// values are finite. If all are equal, low == high and bin 0 holds them all.
    [[nodiscard]] virtual Histogram histogram(VolumeView<const float> volume) const = 0;

    /// mask = 1 where volume >= threshold, else 0.
    virtual void apply_threshold(VolumeView<const float> volume, float threshold,
                                 VolumeView<std::uint8_t> mask) const = 0;

    /// Keeps, of the voxels that are not 0 in `mask`, the largest component whose members touch face to face (6
    /// neighbours) as 1, and clears the others. Of components of one size, the one with the first voxel in C order.
    ///
    /// `labels` is scratch memory of the same extents. Three passes over the voxels, each of them parallel: a lock-free
    /// union-find in which a root is linked to a smaller one by compare and exchange, as in J. Jaiganesh and M.
    /// Burtscher, "A high-performance connected components implementation for GPUs", HPDC 2018; then the sizes are
    /// counted in place. The result does not depend on the order in which the voxels are visited.
    virtual LargestComponent keep_largest_component(VolumeView<std::uint8_t> mask, VolumeView<Index> labels) const = 0;

    /// The largest value on each line along `axis`. The other two axes keep their order: rows are the outer one. The
    /// volume is not empty.
    [[nodiscard]] virtual Plane<float> maximum_projection(VolumeView<const float> volume, Axis axis) const = 0;
    [[nodiscard]] virtual Plane<std::uint8_t> maximum_projection(VolumeView<const std::uint8_t> volume,
                                                                 Axis axis) const = 0;
};

[[nodiscard]] std::unique_ptr<Processor> make_host_processor();

/// A processor on the GPU `ordinal`, as this process counts. Null, with the reason in `why_not`, where no kernel of
/// this program runs on it: they were compiled for other GPUs, or not at all, or the CUDA runtime is one that runs
/// none. Errors: std::runtime_error for anything else that CUDA says.
[[nodiscard]] std::unique_ptr<Processor> make_gpu_processor(int ordinal, std::string& why_not);

}  // namespace brain_mri
