#pragma once

#include <cstddef>

#include "compute/histogram.hpp"

namespace brain_mri {

/// The bin k that best splits a histogram into background (bins 0 to k) and foreground (the others), after N. Otsu, "A
/// threshold selection method from gray-level histograms", IEEE Trans. SMC 9(1), 1979, pp. 62-66: the k with the
/// largest variance between the classes,
///     sigma_B^2(k) = (mu_T omega(k) - mu(k))^2 / (omega(k) (1 - omega(k)))         (equation 18)
/// with omega(k) = sum of p_i over i <= k, mu(k) = sum of i p_i over i <= k, and mu_T the mean of all bins. Of equal
/// ones the first. The histogram has at least two bins that are not empty.
[[nodiscard]] std::size_t otsu_bin(const Histogram& histogram);

/// The value that separates the classes: the upper edge of otsu_bin. Foreground is what is not below it.
[[nodiscard]] float otsu_threshold(const Histogram& histogram);

}  // namespace brain_mri
