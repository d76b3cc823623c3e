# gpu_check_programs: all that `./run gpu-check` runs. BUILD/gpu_tests.txt names the test programs labelled `gpu`, one
# per line, because a GPU host that was only given the build has no ctest.
if(NOT FASTIO_WITH_CUDA OR NOT FASTIO_BUILD_TESTS OR NOT FASTIO_BUILD_BENCHMARKS OR NOT FASTIO_BUILD_EXAMPLES)
  return()
endif()
get_property(gpu_tests GLOBAL PROPERTY FASTIO_GPU_TESTS)
list(JOIN gpu_tests "\n" gpu_test_lines)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/gpu_tests.txt CONTENT "@gpu_test_lines@\n" @ONLY)

add_custom_target(gpu_check_programs)
add_dependencies(gpu_check_programs fastiod fastio_cli op-load op-smooth op-segment op-render gpu_process_bench
                 ${gpu_tests})
if(TARGET fastio_cuda_conformance)
  add_dependencies(gpu_check_programs fastio_cuda_conformance)
endif()
