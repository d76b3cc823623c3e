#include "compute/gaussian.hpp"

#include <cmath>
#include <cstddef>

namespace brain_mri {

std::vector<float> gaussian_weights(double sigma) {
    const auto radius = static_cast<std::size_t>(std::lround(4.0 * sigma));
    std::vector<double> half(radius + 1, 1.0);
    double total = 1.0;
    for (std::size_t k = 1; k <= radius; ++k) {
        const double distance = static_cast<double>(k) / sigma;
        half[k] = std::exp(-0.5 * distance * distance);
        total += 2.0 * half[k];
    }
    std::vector<float> weights;
    weights.reserve(half.size());
    for (const double weight : half) {
        weights.push_back(static_cast<float>(weight / total));
    }
    return weights;
}

}  // namespace brain_mri
