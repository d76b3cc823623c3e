#include "compute/otsu.hpp"

#include <numeric>

namespace brain_mri {

std::size_t otsu_bin(const Histogram& histogram) {
    const auto& counts = histogram.counts;
    const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
    double mean = 0;
    for (std::size_t k = 0; k < kBins; ++k) {
        mean += static_cast<double>(k) * static_cast<double>(counts[k]) / total;
    }

    std::size_t best = 0;
    double best_variance = -1;
    std::uint64_t below = 0;
    double moment = 0;
    for (std::size_t k = 0; k + 1 < kBins; ++k) {
        below += counts[k];
        moment += static_cast<double>(k) * static_cast<double>(counts[k]) / total;
        const double omega = static_cast<double>(below) / total;
        if (omega <= 0 || omega >= 1) {
            continue;
        }
        const double difference = mean * omega - moment;
        const double variance = difference * difference / (omega * (1 - omega));
        if (variance > best_variance) {
            best_variance = variance;
            best = k;
        }
    }
    return best;
}

float otsu_threshold(const Histogram& histogram) {
    return static_cast<float>(histogram.upper_edge(otsu_bin(histogram)));
}

}  // namespace brain_mri
