# fastio::cuda: fastio::fastio, and what <fastio/cuda/...> includes: the CUDA runtime and CCCL, of the toolkit that
# find_package(CUDAToolkit) found. Another CCCL goes before it: link that first. For the installed package and for the
# build tree.
if(NOT TARGET fastio::cuda)
  add_library(fastio::cuda INTERFACE IMPORTED)
  target_link_libraries(fastio::cuda INTERFACE fastio::fastio CUDA::cudart)
  foreach(folder IN LISTS CUDAToolkit_INCLUDE_DIRS)
    if(EXISTS ${folder}/cccl)  # where CUDA 13 has its C++ libraries, which only nvcc knows
      target_include_directories(fastio::cuda SYSTEM INTERFACE ${folder}/cccl)
    endif()
  endforeach()
endif()
