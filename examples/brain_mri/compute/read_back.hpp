#pragma once

#include <thrust/copy.h>
#include <thrust/device_ptr.h>

namespace brain_mri {

/// One value from the memory of Thrust's device system. Everywhere else the kernels' units hand raw pointers and the
/// policy thrust::device to Thrust, which means the same as device_ptr but makes no thrust::reference: those bind null
/// pointers to C++ references, which the sanitizer of undefined behaviour rightly reports.
template <class T>
[[nodiscard]] T read_back(const T* on_device) {
    const thrust::device_ptr<const T> first(on_device);
    T value{};
    thrust::copy(first, first + 1, &value);
    return value;
}

}  // namespace brain_mri
