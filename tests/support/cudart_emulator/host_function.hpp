#pragma once

namespace emulator {

/// Set in threads that run host functions of streams: CUDA calls are refused there with 800.
inline thread_local bool in_host_function = false;

}  // namespace emulator
