#pragma once

#include <cstdio>
#include <cstdlib>

namespace emulator {

/// For what a test did wrong, or the machine cannot do: one line on standard error, then abort. A CUDA error code would
/// be taken for the behaviour of a GPU.
template <class... Args>
[[noreturn]] void fatal(const char* format, Args... args) {
    std::fprintf(stderr, "CUDA runtime emulator: ");
    std::fprintf(stderr, format, args...);
    std::fputc('\n', stderr);
    std::abort();
}
[[noreturn]] inline void fatal(const char* text) {
    fatal("%s", text);
}

}  // namespace emulator
