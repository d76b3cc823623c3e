# fastio_compiles_cuda(TARGET): what a target with .cu files needs besides fastio_options, which speaks of C++.
function(fastio_compiles_cuda name)
  set_target_properties(${name} PROPERTIES CUDA_VISIBILITY_PRESET hidden)
  # The standard as an option: CMake 3.25.1 does not know that nvcc has had C++20 since 12.0.
  target_compile_options(${name} PRIVATE
    "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;-Xcompiler=-Wall,-Wextra>"
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${FASTIO_WERROR}>>:-Werror=all-warnings>")
endfunction()
