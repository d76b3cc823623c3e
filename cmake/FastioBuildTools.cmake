# A compiler cache, a fast linker and the distribution's Python, where the machine has them and the user chose nothing
# else. As a part of another project this changes nothing.

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# NumPy and the others that the tests use are the distribution's, which another Python first on the path cannot see.
if(NOT DEFINED Python3_EXECUTABLE AND EXISTS /usr/bin/python3)
  set(Python3_EXECUTABLE /usr/bin/python3)
endif()

if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(FASTIO_CCACHE ccache)
  if(FASTIO_CCACHE)
    # The sloppiness is what ccache asks for to cache units that use a precompiled header.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${FASTIO_CCACHE})
    if(NOT DEFINED CMAKE_CUDA_COMPILER_LAUNCHER)
      set(CMAKE_CUDA_COMPILER_LAUNCHER ${FASTIO_CCACHE})
    endif()
  endif()
endif()

if(NOT "${CMAKE_EXE_LINKER_FLAGS} ${CMAKE_SHARED_LINKER_FLAGS}" MATCHES "-fuse-ld=")
  find_program(FASTIO_MOLD mold)
  if(FASTIO_MOLD)
    include(CheckLinkerFlag)
    check_linker_flag(CXX -fuse-ld=mold FASTIO_LINKS_WITH_MOLD)
    if(FASTIO_LINKS_WITH_MOLD)
      add_link_options(-fuse-ld=mold)
    endif()
  endif()
endif()
