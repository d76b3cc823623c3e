# How this project's targets are made. A layer is a folder of src/ and one static library; it sees the headers of the
# layers it names and of no other, because each layer's include directory holds a link to that one folder.

add_library(fastio_options INTERFACE)
target_compile_features(fastio_options INTERFACE cxx_std_20)
target_compile_options(fastio_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor;-Wold-style-cast;-Wcast-align>
  $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${FASTIO_WERROR}>>:-Werror>)
if(FASTIO_SANITIZE STREQUAL "address")
  # Of the host's code; a device has none of this.
  target_compile_options(fastio_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined;-fno-sanitize-recover=all;-fno-omit-frame-pointer>"
    "$<$<COMPILE_LANGUAGE:CXX>:-D_GLIBCXX_ASSERTIONS>")
  # GCC's manual, on these options: they raise the rate of false positives, most of all of this warning.
  target_compile_options(fastio_options INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>)
  target_link_options(fastio_options INTERFACE -fsanitize=address,undefined)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND NOT FASTIO_FUZZ)
    # One run-time library for programs and for Python's module, whose interpreter must be given it beforehand. GCC's is
    # shared by default.
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libclang_rt.asan-${CMAKE_SYSTEM_PROCESSOR}.so
                    OUTPUT_VARIABLE FASTIO_SANITIZER_RUNTIME OUTPUT_STRIP_TRAILING_WHITESPACE)
    cmake_path(GET FASTIO_SANITIZER_RUNTIME PARENT_PATH runtime_folder)
    target_link_options(fastio_options INTERFACE -shared-libasan -Wl,-rpath,${runtime_folder})
  elseif(NOT FASTIO_FUZZ)
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libasan.so
                    OUTPUT_VARIABLE FASTIO_SANITIZER_RUNTIME OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
elseif(FASTIO_SANITIZE STREQUAL "thread")
  target_compile_options(fastio_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=thread;-fno-omit-frame-pointer>")
  target_link_options(fastio_options INTERFACE -fsanitize=thread)
elseif(FASTIO_SANITIZE)
  message(FATAL_ERROR "FASTIO_SANITIZE is '${FASTIO_SANITIZE}'; it takes address, thread or nothing")
endif()

if(FASTIO_FUZZ)
  target_compile_options(fastio_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=fuzzer-no-link;-fprofile-instr-generate;-fcoverage-mapping;\
-fsanitize-coverage-ignorelist=${PROJECT_SOURCE_DIR}/tests/fuzz/not_watched.txt>")
  target_link_options(fastio_options INTERFACE -fprofile-instr-generate)
endif()

# fastio_precompiled(TARGET HEADERS ... LINK <libraries>): a target whose headers others take ready-made with
# target_precompile_headers(... REUSE_FROM TARGET). They must be compiled with the same options.
function(fastio_precompiled name)
  cmake_parse_arguments(arg "" "" "HEADERS;LINK" ${ARGN})
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp "// Nothing: the headers are what counts.\n")
  add_library(${name} STATIC ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${name} PRIVATE fastio_options ${arg_LINK})
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
endfunction()

# Most of what a layer's file takes to compile is the standard library and fmt. Off by default, so that a plain build
# finds what a file forgot to include.
if(FASTIO_PRECOMPILE)
  fastio_precompiled(fastio_layer_headers
    HEADERS <algorithm> <array> <atomic> <chrono> <cstdint> <cstring> <fmt/format.h> <functional> <map> <memory>
            <mutex> <optional> <set> <span> <string> <string_view> <system_error> <thread> <vector>
    LINK fmt::fmt)
  set_target_properties(fastio_layer_headers PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                        VISIBILITY_INLINES_HIDDEN ON)
endif()

# fastio_layer(NAME SOURCES ... DEPENDS <layers> PUBLIC <libraries> PRIVATE <libraries>)
function(fastio_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PUBLIC;PRIVATE" ${ARGN})
  set(visible ${PROJECT_BINARY_DIR}/layers/${name})
  file(MAKE_DIRECTORY ${visible})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${visible}/${name} SYMBOLIC)

  add_library(fastio_${name} STATIC ${arg_SOURCES})
  # Files stay members of their own: a program that links libfastio too takes those alone that the library hides.
  set_target_properties(fastio_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                        VISIBILITY_INLINES_HIDDEN ON CXX_EXTENSIONS OFF UNITY_BUILD OFF)
  target_include_directories(fastio_${name} PUBLIC ${visible})
  list(TRANSFORM arg_DEPENDS PREPEND fastio_)
  target_link_libraries(fastio_${name} PUBLIC fastio_headers ${arg_DEPENDS} ${arg_PUBLIC}
                        PRIVATE fastio_options ${arg_PRIVATE})
  if(FASTIO_PRECOMPILE)
    target_precompile_headers(fastio_${name} REUSE_FROM fastio_layer_headers)
  endif()
endfunction()

# fastio_compiled_apart(FILES...): files whose names, unnamed namespaces included, are also others' of the same target.
# A preset that compiles several files as one (CMAKE_UNITY_BUILD) leaves them alone.
function(fastio_compiled_apart)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# fastio_program(TARGET SOURCES ... LINK <libraries>)
function(fastio_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${name} PRIVATE fastio_options ${arg_LINK})
endfunction()
