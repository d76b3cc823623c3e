#pragma once

#include <thrust/extrema.h>
#include <thrust/fill.h>
#include <thrust/for_each.h>

#include <algorithm>

#include "compute/atomics.hpp"
#include "compute/histogram.hpp"

namespace brain_mri::algorithms {

using Count = unsigned long long;  // the 64-bit type that CUDA's atomicAdd takes

struct CountBin {
    Count* counts;
    float low;
    float bins_per_unit;

    BRAIN_MRI_HOST_DEVICE void operator()(float value) const {
        const int bin = static_cast<int>((value - low) * bins_per_unit);
        atomic_increment(counts + (bin < static_cast<int>(kBins) ? bin : static_cast<int>(kBins) - 1));
    }
};

template <class System>
[[nodiscard]] Histogram histogram(const System& system, VolumeView<const float> volume) {
    const float* const begin = volume.data;
    const float* const end = begin + volume.extents.count();
    const auto extremes = thrust::minmax_element(system.policy(), begin, end);

    Histogram result;
    result.low = system.read(extremes.first, 1).front();
    result.high = system.read(extremes.second, 1).front();
    const double width = result.width();
    const float bins_per_unit = width > 0 ? static_cast<float>(1.0 / width) : 0.0F;

    auto counts = system.template array<Count>(kBins);
    thrust::fill(system.policy(), counts.data(), counts.data() + kBins, Count{0});
    thrust::for_each(system.policy(), begin, end, CountBin{counts.data(), result.low, bins_per_unit});
    const auto on_host = system.read(counts.data(), kBins);
    std::copy(on_host.begin(), on_host.end(), result.counts.begin());
    return result;
}

}  // namespace brain_mri::algorithms
