#pragma once

#if __cplusplus < 202002L
#error "Fast I/O needs C++20: compile with -std=c++20, or link fastio::fastio in CMake"
#endif

/// Marks what libfastio exports. Everything else in the library is hidden.
#define FASTIO_EXPORT __attribute__((visibility("default")))
