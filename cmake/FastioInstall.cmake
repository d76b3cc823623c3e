# cmake --install BUILD --prefix P gives P/bin/fastiod, P/bin/fastio, the headers, libfastio.so and the CMake package
# `fastio` with the target fastio::fastio. What libfastio itself uses is hidden in it, so consumers need no further
# package. With CUDA there is the component `cuda` too, with the target fastio::cuda, which needs the CUDA toolkit. For
# other build systems there is fastio.pc, without what <fastio/cuda/...> needs.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fastio)

install(TARGETS fastio EXPORT fastioTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(FASTIO_WITH_CUDA)
  set(with_cuda ON)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/fastioCuda.cmake DESTINATION ${package_dir})
else()
  set(with_cuda OFF)
  set(without_cuda PATTERN "fastio/cuda" EXCLUDE)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/fastio DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp" ${without_cuda})
install(EXPORT fastioTargets NAMESPACE fastio:: DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/fastioConfig.cmake.in
                              ${CMAKE_CURRENT_BINARY_DIR}/package/fastioConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
# While the major version is 0 a minor version may change the interface.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/package/fastioConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/package/fastioConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/package/fastioConfigVersion.cmake
        DESTINATION ${package_dir})

# Relative to the file, because the tree can be moved.
file(RELATIVE_PATH prefix_from_pkgconfig /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${CMAKE_CURRENT_LIST_DIR}/fastio.pc.in ${CMAKE_CURRENT_BINARY_DIR}/package/fastio.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/package/fastio.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The installed programs find the library of their own tree, wherever that is moved to.
file(RELATIVE_PATH libraries_from_programs /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${CMAKE_INSTALL_LIBDIR})
set_target_properties(fastiod fastio_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${libraries_from_programs}")
install(TARGETS fastiod fastio_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET fastio_process_bench)
  # For `fastio bench`, where it was built.
  set_target_properties(fastio_process_bench PROPERTIES INSTALL_RPATH "$ORIGIN/${libraries_from_programs}")
  install(TARGETS fastio_process_bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} OPTIONAL)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
