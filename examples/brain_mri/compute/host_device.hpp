#pragma once

// A functor's call operator runs where its algorithm does: on the host, and, as nvcc compiles it, on the GPU too.
#if defined(__CUDACC__)
#define BRAIN_MRI_HOST_DEVICE __host__ __device__
#else
#define BRAIN_MRI_HOST_DEVICE
#endif
