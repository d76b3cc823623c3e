#pragma once

#include <utility>

#include "compute/algorithms/components.hpp"
#include "compute/algorithms/gather.hpp"
#include "compute/algorithms/histogram.hpp"
#include "compute/algorithms/projection.hpp"
#include "compute/algorithms/smooth.hpp"
#include "compute/algorithms/threshold.hpp"
#include "compute/processor.hpp"

namespace brain_mri {

/// The algorithms on one System, which says where they run:
///
///     system.policy()          the execution policy for Thrust
///     system.copy_of(vector)   the values in memory of the system, as an array: something with data()
///     system.array<T>(count)   an array of T, not initialised
///     system.read(T*, count)   values of the system's memory as a std::vector, once they are computed
///     system.is_gpu(), stream(), synchronise()   as those of Processor
template <class System>
class ProcessorOn final : public Processor {
public:
    explicit ProcessorOn(System system) : system_(std::move(system)) {}

    [[nodiscard]] bool is_gpu() const override { return system_.is_gpu(); }
    [[nodiscard]] fastio::Stream stream() const override { return system_.stream(); }
    void synchronise() const override { system_.synchronise(); }

    void gather(const RawValues& raw, const Order& order, double slope, double intercept,
                VolumeView<float> out) const override {
        algorithms::gather(system_, raw, order, slope, intercept, out);
    }
    void smooth(VolumeView<const float> in, VolumeView<float> out, VolumeView<float> scratch, const Spacing& spacing,
                double sigma_mm) const override {
        algorithms::smooth(system_, in, out, scratch, spacing, sigma_mm);
    }
    [[nodiscard]] Histogram histogram(VolumeView<const float> volume) const override {
        return algorithms::histogram(system_, volume);
    }
    void apply_threshold(VolumeView<const float> volume, float threshold,
                         VolumeView<std::uint8_t> mask) const override {
        algorithms::apply_threshold(system_, volume, threshold, mask);
    }
    LargestComponent keep_largest_component(VolumeView<std::uint8_t> mask, VolumeView<Index> labels) const override {
        return algorithms::keep_largest_component(system_, mask, labels);
    }
    [[nodiscard]] Plane<float> maximum_projection(VolumeView<const float> volume, Axis axis) const override {
        return algorithms::maximum_projection(system_, volume, axis);
    }
    [[nodiscard]] Plane<std::uint8_t> maximum_projection(VolumeView<const std::uint8_t> volume,
                                                         Axis axis) const override {
        return algorithms::maximum_projection(system_, volume, axis);
    }

private:
    System system_;
};

}  // namespace brain_mri
