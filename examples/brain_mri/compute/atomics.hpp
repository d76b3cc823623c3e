#pragma once

#include "compute/host_device.hpp"

/// Atomic operations of kernels. All are relaxed: they only have to be indivisible, the order comes from the end of
/// the Thrust algorithm that runs them.
namespace brain_mri {

BRAIN_MRI_HOST_DEVICE inline int atomic_read(const int* location) {
#if defined(__CUDA_ARCH__)
    return *static_cast<const volatile int*>(location);
#else
    return __atomic_load_n(location, __ATOMIC_RELAXED);
#endif
}

BRAIN_MRI_HOST_DEVICE inline void atomic_write(int* location, int value) {
#if defined(__CUDA_ARCH__)
    *static_cast<volatile int*>(location) = value;
#else
    __atomic_store_n(location, value, __ATOMIC_RELAXED);
#endif
}

template <class T>
BRAIN_MRI_HOST_DEVICE void atomic_increment(T* location) {
#if defined(__CUDA_ARCH__)
    atomicAdd(location, T{1});
#else
    __atomic_fetch_add(location, T{1}, __ATOMIC_RELAXED);
#endif
}

BRAIN_MRI_HOST_DEVICE inline void atomic_decrement(int* location) {
#if defined(__CUDA_ARCH__)
    atomicSub(location, 1);
#else
    __atomic_fetch_sub(location, 1, __ATOMIC_RELAXED);
#endif
}

/// Stores `desired` where `expected` is found. Returns what was found.
BRAIN_MRI_HOST_DEVICE inline int atomic_compare_exchange(int* location, int expected, int desired) {
#if defined(__CUDA_ARCH__)
    return atomicCAS(location, expected, desired);
#else
    __atomic_compare_exchange_n(location, &expected, desired, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return expected;
#endif
}

}  // namespace brain_mri
