#pragma once

// A functor's call operator runs where Thrust's device system is: compiled by nvcc on the GPU, otherwise on the host.
#if defined(__CUDACC__)
#define BRAIN_MRI_HOST_DEVICE __host__ __device__
#else
#define BRAIN_MRI_HOST_DEVICE
#endif
