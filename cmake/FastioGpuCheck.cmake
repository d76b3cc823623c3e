# gpu_check_programs: all that `./run gpu-check` runs. BUILD/gpu_tests.txt names the test programs labelled `gpu`, one
# per line, because a GPU host that was only given the build has no ctest.
if(NOT FASTIO_WITH_CUDA OR NOT FASTIO_BUILD_TESTS OR NOT FASTIO_BUILD_BENCHMARKS OR NOT FASTIO_BUILD_EXAMPLES)
  return()
endif()
# First what the product stands on: should the time run out, it is the later ones that are missing. The conformance
# program is a step of its own, which asks all that its test asks.
set(gpu_tests)
set(in_order cuda_kernel_order_gpu_test cuda_device_gpu_test cuda_interface_gpu_test kernels_gpu_test frames_gpu_test
             brain_mri_gpu_test)
foreach(test IN LISTS in_order)
  if(TARGET ${test})  # not all are with the thread sanitizer
    list(APPEND gpu_tests ${test})
  endif()
endforeach()
get_property(all_gpu_tests GLOBAL PROPERTY FASTIO_GPU_TESTS)
foreach(test IN LISTS all_gpu_tests)
  if(NOT test IN_LIST in_order AND NOT test STREQUAL "cuda_conformance_gpu_test")
    message(FATAL_ERROR "${test} has the label gpu: cmake/FastioGpuCheck.cmake must say when gpu-check runs it")
  endif()
endforeach()
list(JOIN gpu_tests "\n" gpu_test_lines)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/gpu_tests.txt CONTENT "@gpu_test_lines@\n" @ONLY)

add_custom_target(gpu_check_programs)
add_dependencies(gpu_check_programs fastiod fastio_cli op-load op-smooth op-segment op-render frame-source
                 frame-infer frame-sink gpu_process_bench ${gpu_tests})
if(TARGET fastio_cuda_conformance)
  add_dependencies(gpu_check_programs fastio_cuda_conformance)
endif()
