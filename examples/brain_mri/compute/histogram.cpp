#include "compute/histogram.hpp"

#include <thrust/copy.h>
#include <thrust/device_vector.h>
#include <thrust/execution_policy.h>
#include <thrust/extrema.h>
#include <thrust/for_each.h>

#include <algorithm>

#include "compute/atomics.hpp"
#include "compute/read_back.hpp"

namespace brain_mri {

namespace {

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

}  // namespace

Histogram histogram(VolumeView<const float> volume) {
    const float* const begin = volume.data;
    const float* const end = begin + volume.extents.count();
    const auto extremes = thrust::minmax_element(thrust::device, begin, end);

    Histogram result;
    result.low = read_back(extremes.first);
    result.high = read_back(extremes.second);
    const double width = result.width();
    const float bins_per_unit = width > 0 ? static_cast<float>(1.0 / width) : 0.0F;

    thrust::device_vector<Count> counts(kBins, Count{0});
    thrust::for_each(thrust::device, begin, end,
                     CountBin{thrust::raw_pointer_cast(counts.data()), result.low, bins_per_unit});
    std::array<Count, kBins> on_host{};
    thrust::copy(counts.begin(), counts.end(), on_host.begin());
    std::copy(on_host.begin(), on_host.end(), result.counts.begin());
    return result;
}

}  // namespace brain_mri
