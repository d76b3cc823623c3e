#pragma once

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace emulator {

/// Nanoseconds of the monotonic clock, without the C library's function: see Engine::sleep.
[[nodiscard]] inline std::int64_t now_ns() noexcept {
    timespec now{};
    ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace emulator
