#pragma once

// What kernels do to one element or one word is written once, as functors that both compilers take: nvcc for the
// kernels, the host's for the references that tests compare with.
#if defined(__CUDACC__)
#define FASTIO_HOST_DEVICE __host__ __device__
#else
#define FASTIO_HOST_DEVICE
#endif
