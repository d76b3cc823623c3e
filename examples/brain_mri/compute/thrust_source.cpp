// Two copies of Thrust on one machine must not mix: what the compiler finds is what CMake chose.
#include <thrust/version.h>

static_assert(THRUST_MAJOR_VERSION == BRAIN_MRI_THRUST_MAJOR && THRUST_MINOR_VERSION == BRAIN_MRI_THRUST_MINOR,
              "the Thrust on the include path is not the one that CMake found");
